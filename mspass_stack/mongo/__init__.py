"""What is said to MongoDB, wherever it is said: by the plugin, and by a job of Slurm in its image."""
