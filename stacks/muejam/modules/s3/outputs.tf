output "media_bucket_id" {
  description = "Bucket of user uploads."
  value       = aws_s3_bucket.main["media"].id
}

output "media_bucket_arn" {
  description = "ARN of the bucket of user uploads."
  value       = aws_s3_bucket.main["media"].arn
}

output "static_bucket_id" {
  description = "Bucket of static assets."
  value       = aws_s3_bucket.main["static"].id
}

output "static_bucket_arn" {
  description = "ARN of the bucket of static assets."
  value       = aws_s3_bucket.main["static"].arn
}

output "backups_bucket_id" {
  description = "Bucket of backups."
  value       = aws_s3_bucket.main["backups"].id
}
