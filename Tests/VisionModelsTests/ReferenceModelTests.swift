import Compute
import Foundation
import Images
import ModelFiles
import Models
import TestSupport
import Testing
import Vocabulary

@testable import VisionModels

/// Trained public models against what other runtimes say of them.
@Suite("Reference models", .enabled(if: SharedData.isPresent))
struct ReferenceModelTests {
    private let gang = ComputeGang(threadCount: 2)

    @Test("SqueezeNet 1.1 reproduces the reference output within 1e-3")
    func squeezeNet() throws {
        let folder = "vision-squeezenet1.1/"
        let input = try Tensor(ONNXTensor(file: bytes(folder + "test_data_set_0/input_0.pb"), fileName: "input_0.pb"))
        let expected = try ONNXTensor(file: bytes(folder + "test_data_set_0/output_0.pb"), fileName: "output_0.pb")
        let executor = try ONNXExecutor(
            model(folder + "squeezenet1.1.onnx"), inputShapes: ["data": input.shape])
        let output = try #require(try executor.outputs(for: [input], on: gang).first)
        let reference = try Tensor(expected).array(of: Float.self)
        let values = output.array(of: Float.self)
        try #require(values.count == reference.count)
        let worst = zip(values, reference).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < 1e-3)
    }

    @Test("SqueezeNet 1.1 gives the listed top five for each photograph at hand")
    func topFive() throws {
        struct Golden: Decodable {
            let top5: [String: [[Entry]]]
            enum Entry: Decodable {
                case number(Double), text(String)
                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    if let number = try? container.decode(Double.self) {
                        self = .number(number)
                    } else {
                        self = .text(try container.decode(String.self))
                    }
                }
                var number: Double { if case .number(let value) = self { value } else { .nan } }
            }
        }
        let golden = try JSONDecoder().decode(
            Golden.self, from: Data(contentsOf: SharedData.url("vision-squeezenet1.1/golden_top5_photos.json")))
        var configuration = VisionModel.Configuration(
            name: try #require(ModelName("squeezenet")), version: try #require(ModelVersion(1)))
        configuration.sampleShapes = ["data": [3, 227, 227]]
        configuration.preprocessing = try Preprocessing(
            resize: .shorterSide(256), channels: .bgr, scale: 1, mean: [104, 117, 123])
        let model = try VisionModel(model("vision-squeezenet1.1/squeezenet1.1.onnx"), configuration: configuration)
        var checkedCount = 0
        for (photo, entries) in golden.top5.sorted(by: { $0.key < $1.key }) {
            guard photo.hasSuffix(".png") || photo.hasSuffix(".jpg"), let file = try? bytes("vision-photos/\(photo)")
            else { continue }
            let request = InferenceInput(tensors: [
                NamedTensor(VisionModel.encodedImageInput, try Tensor(elements: [file], shape: [1]))
            ])
            let output = try model.execute([request], on: gang)[0].get().tensors[0].tensor.array(of: Float.self)
            let best = output.indices.sorted { output[$0] > output[$1] }.prefix(5)
            #expect(Array(best) == entries.map { Int($0[0].number) }, "\(photo)")
            // PNG pixels are exact; two JPEG decoders may differ by a level or two.
            let tolerance = photo.hasSuffix(".png") ? 1e-3 : 1e-2
            for (index, entry) in zip(best, entries) {
                #expect(abs(Double(output[index]) - entry[2].number) < tolerance, "\(photo), class \(index)")
            }
            checkedCount += 1
        }
        #expect(checkedCount >= 6)
    }

    /// The expected logits come from the same nodes run by PyTorch 2.15 for x[i] = sin(i / 100).
    @Test("ResNet-20 gives the logits that PyTorch computes")
    func resNet() throws {
        let executor = try ONNXExecutor(model("vision-resnet-cifar10/resnet20.onnx"))
        let input = try Tensor((0..<3072).map { Float(sin(Double($0) * 0.01)) }, shape: [1, 3, 32, 32])
        let expected = try Tensor(Self.resNetLogits, shape: [1, 10])
        let output = try #require(try executor.outputs(for: [input], on: gang).first)
        #expect(difference(output, expected, relative: 1e-4, absolute: 2e-4) == nil)
    }

    @Test("the MNIST network of PyTorch reads at least 98 of 100 test digits, as recorded for it (98.9 %)")
    func mnist() throws {
        let executor = try ONNXExecutor(model("vision-onnx-models/cnn_mnist_pytorch.onnx"))
        let digits = try MNIST.testDigits(count: 200)
        // Mean and deviation of the training images, which that network was trained with.
        let correct = try digits.count { digit in
            let pixels = digit.pixels.map { (Float($0) / 255 - 0.1307) / 0.3081 }
            let output = try executor.outputs(for: [try Tensor(pixels, shape: [1, 1, 28, 28])], on: gang)[0]
            let values = output.array(of: Float.self)
            return values.indices.max { values[$0] < values[$1] } == digit.label
        }
        #expect(correct >= 196)
    }

    private func bytes(_ path: String) throws -> Bytes { try MappedFile.open(path: SharedData.url(path).path) }

    private func model(_ path: String) throws -> ONNXModel { try ONNXModel(file: bytes(path), fileName: path) }

    private static let resNetLogits: [Float] = [
        -0.7801, -0.9283, 1.0585, -3.8758, 6.5965, -2.8999, -0.1108, 2.4582, 0.5336, -2.1035,
    ]
}
