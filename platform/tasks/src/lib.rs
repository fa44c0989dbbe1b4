//! Every background task: its kind, what cancelling and failing mean for it.
