"""What a notebook holds: its session, its look around, its papers."""
