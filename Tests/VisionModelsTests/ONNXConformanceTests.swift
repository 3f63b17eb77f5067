import Compute
import Foundation
import ModelFiles
import Models
import TestSupport
import Testing
import Vocabulary

@testable import VisionModels

/// Every case of the ONNX operator suite either gives the listed outputs or is refused when the graph is loaded: no
/// operator may be accepted and then compute something else.
@Suite("ONNX operator conformance")
struct ONNXConformanceTests {
    private enum Outcome {
        case passed
        /// Refused when loaded, and why.
        case unsupported(String)
        case wrong(String)
    }

    @Test("every supported case of the ONNX suite gives the listed outputs", .enabled(if: SharedData.isPresent))
    func conformance() throws {
        let files = try tarFiles(gunzipped(SharedData.url("onnx-conformance/onnx-node-tests-v1.20.1.tar.gz")))
        let cases = files.keys.filter { $0.hasSuffix("/model.onnx") }.map { String($0.dropLast("/model.onnx".count)) }
        #expect(cases.count > 1500)
        var passedCount = 0
        var reasons: [String: Int] = [:]
        for name in cases.sorted() {
            switch try outcome(of: name, files) {
            case .passed: passedCount += 1
            case .unsupported(let reason): reasons[reason, default: 0] += 1
            case .wrong(let difference): Issue.record("\(name): \(difference)")
            }
        }
        if ProcessInfo.processInfo.environment["APUS_LIST_UNSUPPORTED"] != nil {
            for (reason, count) in reasons.sorted(by: { $0.value > $1.value }) { print(count, reason) }
            print("passed", passedCount)
        }
        #expect(passedCount >= Self.passedCountMin)
    }

    /// What passed when the operators were written; may only rise.
    private static let passedCountMin = 487

    private func outcome(of name: String, _ files: [String: Bytes]) throws -> Outcome {
        let file = try #require(files["\(name)/model.onnx"])
        let model: ONNXModel
        do {
            model = try ONNXModel(file: file, fileName: name)
        } catch {
            return .unsupported("\(error.problem)")
        }
        var inputs: [String: Tensor] = [:]
        var expected: [Tensor] = []
        do {
            for (index, input) in model.graph.inputs.enumerated() {
                guard let file = files["\(name)/test_data_set_0/input_\(index).pb"] else {
                    return .unsupported("inputs")
                }
                inputs[input.name] = try Tensor(ONNXTensor(file: file, fileName: "\(name)/input_\(index)"))
            }
            for index in model.graph.outputs.indices {
                guard let file = files["\(name)/test_data_set_0/output_\(index).pb"] else {
                    return .unsupported("outputs")
                }
                expected.append(try Tensor(ONNXTensor(file: file, fileName: "\(name)/output_\(index)")))
            }
        } catch let error as ONNXError {
            return .unsupported("\(error.problem)")
        }
        return try compare(model, inputs, expected)
    }

    /// Shapes, axes and the like have to be constants, and the suite gives them as inputs; so what is refused as an
    /// input is tried as a constant: first the integers, then everything.
    private func compare(_ model: ONNXModel, _ inputs: [String: Tensor], _ expected: [Tensor]) throws -> Outcome {
        let integers = inputs.filter { $0.value.dataType != .float32 }
        var reason = ""
        for constants in [[:], integers, inputs] {
            do {
                let executor = try ONNXExecutor(model, inputShapes: inputs.mapValues(\.shape), constants: constants)
                let actual = try executor.outputs(for: executor.inputs.map { try #require(inputs[$0.name]) })
                guard actual.count == expected.count else { return .wrong("\(actual.count) outputs") }
                for (a, b) in zip(actual, expected) {
                    if let text = difference(a, b, relative: 1e-3, absolute: 1e-5) { return .wrong(text) }
                }
                return .passed
            } catch let error as ONNXGraphError {
                guard case .node(_, let operatorType, let problem) = error.problem else {
                    return .unsupported("\(error)")
                }
                reason = "\(operatorType): \(problem)"
                guard case .inputNotConstant = problem else { return .unsupported(reason) }
            }
        }
        return .unsupported(reason)
    }
}
