// Four outputs' sums, and four terms more: columns of w are terms. Each is a multiply-add.
fn add_terms(sum: vec4<f32>, w: mat4x4<f32>, x: vec4<f32>) -> vec4<f32> {
    return sum + w[0] * x.x + w[1] * x.y + w[2] * x.z + w[3] * x.w;
}
