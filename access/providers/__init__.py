"""What opens and closes what a grant is about: one provider for each kind of resource."""
