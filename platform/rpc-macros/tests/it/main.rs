//! What is not a service trait does not compile, and the message says how to write it. What does compile
//! is tested in the crate `rpc`.

#[test]
fn what_is_not_a_service_is_refused_with_a_message_that_teaches() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
