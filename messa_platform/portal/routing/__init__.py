"""What the pages of routes share: the operator's, at `/operator/routes`, and those of a tenant's own, at its Master's `@@routes`."""
