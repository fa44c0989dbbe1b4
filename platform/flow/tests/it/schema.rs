//! A migration that has run somewhere is never edited: its text as the embedded engine reads it stays, byte
//! for byte, whatever placeholders other engines get. The history's is part of its owners' migrations.

use shard::Migration;

const DOCUMENTS: &str = "0f2cecabefe46286ee8ad84f1f05fe861435cadbfe829cd3351725d8ce5446b3";
const ACTIVE: &str = "3ef795c7f9e17553e133826349161588f9476c805f3c84388904625b7694d62d";
const HISTORY: &str = "edf37b3749fc86db7d08a0f6261a67b9ec4ba9396910364aae536edad76d14c3";

#[test]
fn migrations_that_have_run_are_as_they_were() {
    let history =
        Migration { version: 1, name: "history", sql: flow::history_table!("thing_history_{t}") };
    let all = flow::store::MIGRATIONS.common.iter().chain([&history]);
    let now: Vec<String> = all.map(Migration::checksum).collect();
    assert_eq!(now, [DOCUMENTS, ACTIVE, HISTORY]);
}
