//! Databases, placements, routing, migrations, group commit; every engine difference and no domain word.
