// The step of the tables that this pass runs; the only uniform that changes between passes.
struct Slot {
    index: u32,
}
