import Compute
import Foundation
import Images
import ModelFiles
import Models
import TestSupport
import Testing
import Vocabulary

@testable import VisionModels

/// The example model `digits`, as it lies in the package.
@Suite("Digits")
struct DigitsModelTests {
    /// `Sources/ApusServer/ExampleModels/digits`.
    private static let folder = URL(filePath: #filePath)
        .appending(path: "../../../Sources/ApusServer/ExampleModels/digits").standardizedFileURL.path

    private func digits(batchSizeMax: Int = 16) throws -> VisionModel {
        var configuration = VisionModel.Configuration(
            name: try #require(ModelName("digits")), version: try #require(ModelVersion(1)))
        configuration.batchSizeMax = batchSizeMax
        configuration.labels = (0..<10).map(String.init)
        configuration.preprocessing = try Preprocessing(channels: .gray, inversion: .automatic)
        return try VisionModel(
            file: MappedFile.open(path: Self.folder + "/1/model.onnx"), fileName: "digits/1/model.onnx",
            configuration: configuration)
    }

    private func tensorRequest(_ digits: [MNIST.Digit]) throws -> InferenceInput {
        let values = digits.flatMap { $0.pixels.map { Float($0) / 255 } }
        return InferenceInput(tensors: [NamedTensor("image", try Tensor(values, shape: [digits.count, 1, 28, 28]))])
    }

    private func imageRequest(_ files: [Bytes]) throws -> InferenceInput {
        InferenceInput(tensors: [
            NamedTensor(VisionModel.encodedImageInput, try Tensor(elements: files, shape: [files.count]))
        ])
    }

    private func classes(_ output: InferenceOutput) throws -> [Int] {
        let tensor = try #require(output.tensor("probabilities"))
        let values = tensor.array(of: Float.self)
        return (0..<tensor.shape[0]).map { sample in
            (0..<10).max { values[sample * 10 + $0] < values[sample * 10 + $1] } ?? -1
        }
    }

    @Test("its description is that of a classifier with a free batch")
    func description() throws {
        let description = try digits().description
        #expect(description.inputs == [TensorDescription("image", .float32, shape: [-1, 1, 28, 28])])
        #expect(description.outputs == [TensorDescription("probabilities", .float32, shape: [-1, 10])])
        #expect(description.platform == "apus_onnx" && description.batchSizeMax == 16)
    }

    /// The whole test set takes long without optimisation; APUS_ALL_DIGITS=1 reads it all.
    @Test("it reads at least 99 % of the MNIST test set", .enabled(if: SharedData.isPresent))
    func accuracy() throws {
        let isComplete = ProcessInfo.processInfo.environment["APUS_ALL_DIGITS"] != nil
        let all = try MNIST.testDigits(count: isComplete ? 10_000 : 500)
        let model = try digits(batchSizeMax: 100)
        let gang = ComputeGang(threadCount: 2)
        var correctCount = 0
        for start in stride(from: 0, to: all.count, by: 100) {
            let part = Array(all[start..<start + 100])
            let output = try model.execute([tensorRequest(part)], on: gang)[0].get()
            correctCount += zip(try classes(output), part).count { $0 == $1.label }
        }
        if isComplete { print("digits: \(correctCount) of \(all.count) right") }
        #expect(Double(correctCount) >= 0.99 * Double(all.count))
    }

    @Test(
        "it reads its sample pictures",
        arguments: ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"].enumerated().map {
            $0
        })
    func samples(_ digit: (offset: Int, element: String)) throws {
        let model = try digits()
        let file = try MappedFile.open(path: "\(Self.folder)/samples/\(digit.element).png")
        let output = try model.execute([imageRequest([file])], on: ComputeGang(threadCount: 1))[0].get()
        #expect(try classes(output) == [digit.offset])
    }

    /// Goal: batching must never change an answer; method: the same samples alone, in one request, in several requests
    /// of one batch, as tensors and as files, on one thread and two; the bytes of the outputs are compared.
    @Test("answers have the same bits in any batch and on any number of threads", .enabled(if: SharedData.isPresent))
    func batchInvariance() throws {
        let samples = try MNIST.testDigits(count: 7)
        let model = try digits()
        var alone: [UInt8] = []
        for sample in samples {
            let output = try model.execute([tensorRequest([sample])], on: ComputeGang(threadCount: 2))[0].get()
            alone += try #require(output.tensor("probabilities")).data.array
        }
        for threadCount in 1...3 {
            let gang = ComputeGang(threadCount: threadCount)
            let together = try model.execute([tensorRequest(samples)], on: gang)[0].get()
            #expect(together.tensor("probabilities")?.data.array == alone)
            let cut = try model.execute(
                [
                    tensorRequest(Array(samples[..<2])), tensorRequest(Array(samples[2..<3])),
                    tensorRequest(Array(samples[3...])),
                ],
                on: gang)
            #expect(try cut.flatMap { try #require($0.get().tensor("probabilities")).data.array } == alone)
        }
    }

    @Test("a bad picture fails its own request and no other")
    func badPicture() throws {
        let model = try digits()
        let seven = try MappedFile.open(path: Self.folder + "/samples/seven.png")
        let broken = seven[0..<seven.count / 2]
        let results = model.execute(
            [try imageRequest([seven]), try imageRequest([seven, broken]), try imageRequest([seven, seven])],
            on: ComputeGang(threadCount: 2))
        #expect(try classes(results[0].get()) == [7])
        #expect(try classes(results[2].get()) == [7, 7])
        let error = #expect(throws: ServingError.self) { try results[1].get() }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.hasPrefix("image 1 of input 'encoded_image' for model 'digits': the PNG image") == true)
    }

    @Test("a request that does not fit is refused with what was expected and what came")
    func refusals() throws {
        let model = try digits()
        func message(_ tensors: NamedTensor...) -> String? {
            #expect(throws: ServingError.self) {
                try model.sampleCount(of: InferenceInput(tensors: tensors))
            }?.message
        }
        let image = try Tensor([Float](repeating: 0, count: 784), shape: [1, 28, 28])
        #expect(
            message(NamedTensor("image", image))
                == "unexpected shape for input 'image' for model 'digits'. Expected [-1,1,28,28], got [1,28,28]")
        #expect(message(NamedTensor("picture", image))?.contains("'picture'") == true)
        #expect(
            message(NamedTensor("encoded_image", image))
                == "unexpected data-type for input 'encoded_image' for model 'digits'. Expected BYTES, got FP32")
        let square = try Tensor(elements: Array(repeating: Bytes(), count: 4), shape: [2, 2])
        #expect(
            message(NamedTensor("encoded_image", square))
                == "unexpected shape for input 'encoded_image' for model 'digits'. Expected [-1], got [2,2]")
        let many = try Tensor(elements: Array(repeating: Bytes(), count: 17), shape: [17])
        #expect(message(NamedTensor("encoded_image", many))?.contains("<= 16") == true)
        let both = try Tensor([Float](repeating: 0, count: 784), shape: [1, 1, 28, 28])
        #expect(message(NamedTensor("image", both), NamedTensor("encoded_image", many))?.contains("only input") == true)
    }

    @Test("labels and preprocessing that do not fit the graph are refused")
    func misfits() throws {
        var configuration = VisionModel.Configuration(
            name: try #require(ModelName("digits")), version: try #require(ModelVersion(1)))
        let file = try MappedFile.open(path: Self.folder + "/1/model.onnx")
        configuration.labels = ["a", "b"]
        #expect(throws: VisionModelError.labelCount(configured: 2, modelShape: [1, 10])) {
            try VisionModel(file: file, fileName: "m.onnx", configuration: configuration)
        }
        configuration.labels = []
        configuration.preprocessing = try Preprocessing(channels: .rgb)
        #expect(throws: VisionModelError.channelMismatch(configured: 3, modelShape: [1, 1, 28, 28])) {
            try VisionModel(file: file, fileName: "m.onnx", configuration: configuration)
        }
    }
}
