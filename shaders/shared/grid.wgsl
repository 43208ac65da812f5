// A workgroup's index where the groups of one dimension spilled from x into y (the host's `groups`).
fn group_index(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.y * groups.x + group.x;
}
