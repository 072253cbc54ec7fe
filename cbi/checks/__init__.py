"""What is looked at in a file before it is loaded, and the verdict."""
