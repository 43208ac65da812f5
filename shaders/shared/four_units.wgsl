// Four units' words of a row of `weights` that has one for each of H, 0 past its end.
fn four_units(word: u32, four: u32) -> vec4<f32> {
    let unit = vec4<u32>(0u, 1u, 2u, 3u) + 4u * four;
    let at = word + min(unit, vec4<u32>(p.hidden - 1u));
    let value = vec4<f32>(weights[at.x], weights[at.y], weights[at.z], weights[at.w]);
    return select(vec4<f32>(0.0), value, unit < vec4<u32>(p.hidden));
}
