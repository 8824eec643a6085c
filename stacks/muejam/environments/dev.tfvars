environment = "dev"

# Database
db_instance_class               = "db.t3.small"
db_max_connections              = 100
db_create_read_replicas         = false
db_multi_az                     = false
db_backup_retention_period      = 7
db_monitoring_interval          = 0
db_performance_insights_enabled = false
db_apply_immediately            = true
db_skip_final_snapshot          = true

# Storage
s3_enable_versioning           = false
s3_allowed_origins             = ["http://localhost:5173", "https://dev.muejam.com"]
s3_backup_retention_days       = 14
s3_bucket_size_alert_threshold = 10737418240 # 10 GiB
s3_force_destroy               = true

# Alarms
alarm_queue_enabled = false
