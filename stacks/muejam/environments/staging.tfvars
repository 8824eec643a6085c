environment = "staging"

# Database
db_instance_class          = "db.t3.medium"
db_max_connections         = 200
db_create_read_replicas    = true
db_replica_count           = 1
db_multi_az                = true
db_backup_retention_period = 7
db_monitoring_interval     = 60
db_apply_immediately       = true
db_skip_final_snapshot     = true

# Storage
s3_allowed_origins             = ["https://staging.muejam.com"]
s3_backup_retention_days       = 30
s3_bucket_size_alert_threshold = 53687091200 # 50 GiB
s3_force_destroy               = true
