// A workgroup's index where the groups of one dimension spilled from x into y (the host's `groups`), and where other
// dispatches of the op run the first of them.
fn group_index(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return p.first_group + group.y * groups.x + group.x;
}
