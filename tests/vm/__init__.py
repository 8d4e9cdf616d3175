"""Virtual machines, really booted, with SELinux enforcing: see docs/testing.md."""
