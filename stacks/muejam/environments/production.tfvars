environment = "production"

# Database
db_instance_class          = "db.r6g.xlarge"
db_replica_instance_class  = "db.r6g.large"
db_max_connections         = 1000
db_create_read_replicas    = true
db_replica_count           = 2
db_multi_az                = true
db_backup_retention_period = 30
db_monitoring_interval     = 30

# Storage
s3_allowed_origins             = ["https://muejam.com", "https://www.muejam.com"]
s3_backup_retention_days       = 90
s3_bucket_size_alert_threshold = 107374182400 # 100 GiB
