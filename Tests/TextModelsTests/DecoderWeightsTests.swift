import Foundation
import ModelFiles
import Testing
import TextModels

/// Goal: each tensor of each family is needed, in its shape, and none is there unread.
@Suite struct DecoderWeightsTests {
    @Test("a tensor that is missing is named", arguments: DecoderFixture.names)
    func missing(name: String) throws {
        let fixture = try DecoderFixture(name)
        for tensor in try tensorNames(fixture) {
            // The bytes stay, under a name of the same kind that nobody asks for.
            expectError(fixture, naming: tensor, saying: "missing") { header in
                header[tensor + ".rotary_emb.inv_freq"] = header[tensor]
                header[tensor] = nil
            }
        }
    }

    @Test("a tensor of another shape is named, with both shapes", arguments: DecoderFixture.names)
    func wrongShape(name: String) throws {
        let fixture = try DecoderFixture(name)
        for tensor in try tensorNames(fixture) {
            expectError(fixture, naming: tensor, saying: "expected shape") { header in
                let shape = header[tensor]?["shape"] as? [Int] ?? []
                header[tensor]?["shape"] = [1] + shape
            }
        }
    }

    @Test("a tensor of another family is refused", arguments: DecoderFixture.names)
    func unknown(name: String) throws {
        for tensor in ["model.layers.0.mlp.router.weight", "model.layers.9.input_layernorm.weight", "v_head.weight"] {
            expectError(try DecoderFixture(name), naming: tensor, saying: "not part of this architecture") { header in
                header[tensor] = ["dtype": "F32", "shape": [0], "data_offsets": [0, 0]]
            }
        }
    }

    @Test("names of GPT-2 without their prefix, and its masks, are known")
    func hubNames() throws {
        _ = try DecoderFixture("gpt2").weights { header in
            header = Dictionary(
                uniqueKeysWithValues: header.map { name, entry in
                    (name.hasPrefix("transformer.") ? String(name.dropFirst(12)) : name, entry)
                })
            header["h.0.attn.bias"] = ["dtype": "F32", "shape": [1, 1, 0, 0], "data_offsets": [0, 0]]
        }
    }

    @Test(
        "the text part of a Gemma 3 that sees pictures is found, and the rest left alone",
        arguments: [
            ("language_model.model.", "vision_tower.x.weight"),
            ("model.language_model.", "model.multi_modal_projector.x"),
        ])
    func textPart(prefix: String, other: String) throws {
        let fixture = try DecoderFixture("gemma3")
        func rename(_ header: inout [String: [String: Any]]) {
            header = Dictionary(
                uniqueKeysWithValues: header.map { name, entry in (prefix + name.dropFirst("model.".count), entry) })
            header[other] = ["dtype": "F32", "shape": [0], "data_offsets": [0, 0]]
        }
        _ = try fixture.weights(changing: rename)
        let norm = prefix + "layers.0.input_layernorm.weight"
        expectError(fixture, naming: norm, saying: "missing") { header in
            rename(&header)
            header[norm + ".rotary_emb.inv_freq"] = header[norm]
            header[norm] = nil
        }
    }

    private func tensorNames(_ fixture: DecoderFixture) throws -> [String] {
        try SafetensorsFile(path: fixture.directory.appending(path: "model.safetensors").path).names
    }

    private func expectError(
        _ fixture: DecoderFixture, naming tensor: String, saying text: String,
        changing change: (inout [String: [String: Any]]) -> Void
    ) {
        do {
            _ = try fixture.weights(changing: change)
            Issue.record("\(tensor): accepted")
        } catch {
            let description = "\(error)"
            #expect(description.contains("\"\(tensor)\"") && description.contains(text), "\(tensor): \(description)")
        }
    }
}
