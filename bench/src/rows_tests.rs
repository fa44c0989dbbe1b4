//! Tests of copying rows, on small made-up tables.

use super::*;

const SINCE: i64 = 1_790_000_000_000;

fn id(ms: i64, sequence: u8) -> i64 {
    Id::compose(SINCE + ms, Place { db: 4, table: 3 }, 1, sequence).unwrap().get()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(SINCE + ms)
}

fn file() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(
        "CREATE TABLE schema_migrations (owner TEXT);
         CREATE TABLE inbox (message_id TEXT);
         CREATE TABLE things_03 (tenant TEXT, id BIGINT, owner BIGINT, at BIGINT, body TEXT, n BIGINT,
             PRIMARY KEY (tenant, id));
         CREATE TABLE things_07 (tenant TEXT, id BIGINT, owner BIGINT, at BIGINT, body TEXT, n BIGINT,
             PRIMARY KEY (tenant, id));
         CREATE TABLE parts (tenant TEXT, part BIGINT PRIMARY KEY, cell_db BIGINT, cell_table BIGINT, name TEXT);
         CREATE TABLE links (part BIGINT PRIMARY KEY, note TEXT);",
    )
    .unwrap();
    let body = format!("{{\"id\":\"{0}\",\"again\":\"{0}\"}}", id(1, 0));
    conn.execute(
        "INSERT INTO things_03 VALUES ('shop', ?1, 77, ?2, ?3, 5)",
        (id(1, 0), at(3).micros(), body),
    )
    .unwrap();
    conn.execute("INSERT INTO things_03 VALUES ('shop', ?1, 78, 0, 'other', 5)", [id(-9, 9)])
        .unwrap();
    let name = format!("of {}", id(1, 0));
    conn.execute("INSERT INTO parts VALUES ('shop', ?1, 4, 3, ?2)", (id(2, 0), name)).unwrap();
    conn.execute("INSERT INTO links VALUES (?1, 'found by the part')", [id(2, 0)]).unwrap();
    conn.execute("INSERT INTO inbox VALUES (?1)", [id(1, 0).to_string()]).unwrap();
    conn
}

fn sample() -> Sample {
    Sample {
        subjects: vec![Subject::Number(id(1, 0)), Subject::Number(77)],
        looked_for: 1,
        since: at(0),
        at: at(2),
        place: Place { db: 4, table: 3 },
    }
}

#[test]
fn rows_are_found_by_number_inside_texts_and_by_the_ids_they_bring() {
    let (conn, mut sample) = (file(), sample());
    let rows = sample.rows(&conn, &[]).unwrap();
    let mut stems: Vec<&str> = rows.iter().map(Row::stem).collect();
    stems.sort_unstable();
    assert_eq!(stems, ["links", "parts", "things"], "neither another's rows nor the inbox");
    assert_eq!(sample.subjects.len(), 3, "the part's id was found");
    assert_eq!(sample.subjects[2], Subject::Number(id(2, 0)));
    assert!(!sample.clone().rows(&conn, &["links"]).unwrap().iter().any(|r| r.stem() == "links"));
}

#[test]
fn a_copy_has_other_ids_times_and_cells_and_the_rest_as_it_was() {
    let (conn, mut sample) = (file(), sample());
    let copier = Copier::new(sample.rows(&conn, &[]).unwrap());
    assert_eq!(copier.len(), 3);
    let subjects = [Subject::Number(1_001), Subject::Number(88), Subject::Number(2_002)];
    let place = Place { db: 5, table: 7 };
    let fill = Fill { subjects: &subjects, at: Timestamp::from_micros(9_000_000), place };
    copier.write(&conn, &fill).unwrap();
    let thing: (String, i64, i64, i64, String, i64) = conn
        .query_row("SELECT * FROM things_07", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
        })
        .unwrap();
    let body = "{\"id\":\"1001\",\"again\":\"1001\"}".to_owned();
    assert_eq!(thing, ("shop".into(), 1_001, 88, 9_001_000, body, 5));
    let part: (i64, i64, String) = conn
        .query_row("SELECT cell_db, cell_table, name FROM parts WHERE part = 2002", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
        .unwrap();
    assert_eq!(part, (5, 7, "of 1001".into()));
    let again = copier.write(&conn, &fill).unwrap_err();
    assert!(again.to_string().contains("a copy of a row of"), "a copy twice is refused: {again}");
}

#[test]
fn a_column_can_be_set_and_a_missing_one_is_named() {
    let (conn, mut sample) = (file(), sample());
    let rows = sample.rows(&conn, &["parts", "links"]).unwrap();
    let row =
        rows.into_iter().next().unwrap().with("n", 9).unwrap().with_subject("owner", 0).unwrap();
    assert_eq!(row.fixed("n").unwrap(), Some(&Value::Integer(9)));
    assert_eq!(row.fixed("owner").unwrap(), None);
    assert!(row.with("colour", 1).unwrap_err().to_string().contains("colour"));
}

#[test]
fn a_schema_is_read_in_the_sequence_it_was_made() {
    let names: Vec<String> = schema(&file()).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.first().map(String::as_str), Some("schema_migrations"));
    assert!(names.contains(&"things_07".to_owned()));
}
