-- status: 0 normal, 1 guard (rolled back before it was written), 2 rolled back.
-- The primary key is what keeps a late branch from committing after its rollback. xids begin with their time, so
-- old rows are a range of it.
CREATE TABLE undo_log (
    xid {text:48} NOT NULL,
    branch BIGINT NOT NULL,
    status BIGINT NOT NULL,
    images TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (xid, branch)
);
-- status: 1 tried, 2 confirmed, 3 cancelled, 4 suspended (cancelled before it was tried).
CREATE TABLE tcc_fence (
    xid {text:48} NOT NULL,
    branch BIGINT NOT NULL,
    action TEXT NOT NULL,
    status BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (xid, branch)
);
