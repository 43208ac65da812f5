//! series → windows: from a CSV file to a scaled, indexed [`Dataset`].
