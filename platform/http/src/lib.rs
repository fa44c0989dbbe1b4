//! What every HTTP route shares: problem documents, request context, access rules, paging, idempotency keys, limits.
