import Glibc

/// Reads what a `config.json` says about rotary embeddings, in either way of writing.
///
/// ```
/// "rope_theta": 1e6, "rope_scaling": {"rope_type": "linear", "factor": 8}             the older
/// "rope_parameters": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8}          the newer
/// "rope_parameters": {"full_attention": {…}, "sliding_attention": {…}}                by the type of the layer
/// ```
struct RotaryReader {
    let fields: ConfigurationFields
    let family: DecoderFamily
    /// Most positions of a sequence.
    let context: Int
    /// Most positions the model was made for.
    let trained: Int

    /// The embeddings that `DecoderDescription.Layer.rotary` points at.
    func embeddings(headSize: Int) throws(ModelFileError) -> [RotaryEmbedding] {
        if let parameters = try fields.object("rope_parameters") {
            if let full = try parameters.object("full_attention") {
                guard let sliding = try parameters.object("sliding_attention") else {
                    throw parameters.error("sliding_attention", "is missing")
                }
                return [
                    try embedding(full, theta: try theta(full, or: 1e6), headSize: headSize),
                    try embedding(sliding, theta: try theta(sliding, or: 1e4), headSize: headSize),
                ]
            }
            let one = try embedding(parameters, theta: try theta(parameters, or: 1e4), headSize: headSize)
            return family == .gemma3 ? [one, one] : [one]
        }
        let scaling = try fields.object("rope_scaling")
        let isGemma3 = family == .gemma3
        let global = try embedding(scaling, theta: try theta(fields, or: isGemma3 ? 1e6 : 1e4), headSize: headSize)
        guard isGemma3 else { return [global] }
        let localTheta = try fields.positiveNumber("rope_local_base_freq") ?? 1e4
        return [global, try embedding(nil, theta: localTheta, headSize: headSize)]
    }

    private func theta(_ fields: ConfigurationFields, or usual: Double) throws(ModelFileError) -> Double {
        let theta = try fields.number("rope_theta") ?? usual
        guard theta >= 1 else { throw fields.error("rope_theta", "expected at least 1, got \(theta)") }
        return theta
    }

    private func embedding(
        _ scaling: ConfigurationFields?, theta: Double, headSize: Int
    ) throws(ModelFileError) -> RotaryEmbedding {
        let plain = RotaryEmbedding(theta: theta, size: try rotatedSize(scaling, headSize: headSize))
        guard let scaling else { return plain }
        let name = scaling.has("rope_type") ? "rope_type" : "type"
        switch try scaling.string(name) {
        // Dynamic scaling changes nothing up to max_position_embeddings, which no sequence exceeds here.
        case nil where !scaling.has("factor"), "default"?, "dynamic"?: return plain
        case "linear"?: return plain.scaled(by: .linear(factor: try required("factor", scaling)))
        case "llama3"?: return plain.scaled(by: try bands(scaling))
        case "yarn"?: return plain.scaled(by: try ramp(scaling, theta: theta, size: 2 * plain.frequencies.count))
        case "longrope"?, "su"?: return plain.scaled(by: try divisors(scaling, count: plain.frequencies.count))
        case let type:
            throw scaling.error(
                name,
                "expected default, linear, dynamic, llama3, yarn or longrope, got \(type.map { "\"\($0)\"" } ?? "null")"
            )
        }
    }

    /// How many elements of a head are rotated.
    private func rotatedSize(_ scaling: ConfigurationFields?, headSize: Int) throws(ModelFileError) -> Int {
        let name = "partial_rotary_factor"
        let fields = scaling?.has(name) == true ? scaling! : fields
        guard let share = try fields.positiveNumber(name), share != 1 else { return headSize }
        guard family == .phi3 else { throw fields.error(name, "is not supported, expected 1") }
        let size = Int(min(share, 2) * Double(headSize))
        guard size <= headSize, size >= 2, size % 2 == 0 else {
            throw fields.error(name, "expected an even part of head_dim \(headSize), got \(share)")
        }
        return size
    }

    private func required(_ name: String, _ fields: ConfigurationFields) throws(ModelFileError) -> Double {
        guard let number = try fields.positiveNumber(name) else { throw fields.error(name, "is missing") }
        return number
    }

    private func originalLength(_ scaling: ConfigurationFields) throws(ModelFileError) -> Int {
        let name = "original_max_position_embeddings"
        let fields = scaling.has(name) ? scaling : fields
        return try fields.size(name, max: 1 << 24)
    }

    private func bands(_ scaling: ConfigurationFields) throws(ModelFileError) -> RotaryEmbedding.Scaling {
        let (low, high) = (try required("low_freq_factor", scaling), try required("high_freq_factor", scaling))
        guard high > low else {
            throw scaling.error("high_freq_factor", "expected more than low_freq_factor \(low), got \(high)")
        }
        return .bands(
            factor: try required("factor", scaling), lowFactor: low, highFactor: high,
            originalLength: try originalLength(scaling))
    }

    private func ramp(
        _ scaling: ConfigurationFields, theta: Double, size: Int
    ) throws(ModelFileError) -> RotaryEmbedding.Scaling {
        for name in ["mscale", "mscale_all_dim"] { try scaling.refuse(name) }
        try scaling.require("truncate", true)
        guard theta > 1 else { throw fields.error("rope_theta", "expected more than 1 with yarn, got \(theta)") }
        let factor = try required("factor", scaling)
        let hasOriginal = [scaling, fields].contains { $0.has("original_max_position_embeddings") }
        let original = Double(hasOriginal ? try originalLength(scaling) : trained)
        return RotaryEmbedding.yarn(
            factor: factor, originalLength: original, theta: theta, size: size,
            turns: (
                try scaling.positiveNumber("beta_fast") ?? RotaryEmbedding.yarnTurns.fast,
                try scaling.positiveNumber("beta_slow") ?? RotaryEmbedding.yarnTurns.slow
            ),
            amplitude: try scaling.positiveNumber("attention_factor"))
    }

    private func divisors(
        _ scaling: ConfigurationFields, count: Int
    ) throws(ModelFileError) -> RotaryEmbedding.Scaling {
        let original = try originalLength(scaling)
        let long = try scaling.positiveNumbers("long_factor", count: count)
        let short = try scaling.positiveNumbers("short_factor", count: count)
        let factor = Double(trained) / Double(original)
        let usual = factor <= 1 || original == 1 ? 1 : (1 + log(factor) / log(Double(original))).squareRoot()
        return .divisors(
            context > original ? long : short, amplitude: try scaling.positiveNumber("attention_factor") ?? usual)
    }
}
