// Made by Proto/generate from apus/vision/v1/vision.proto.
// swift-format-ignore-file

package import Vocabulary

/// What vision models do.
package enum VisionMethods {
    /// The full name of the service.
    package static let service = "apus.vision.v1.Vision"

    /// Names what a picture shows, likeliest first. Calls that arrive together run together.
    ///
    /// NOT_FOUND for an unknown model; INVALID_ARGUMENT for a picture that cannot be decoded or a tensor that does not
    /// fit the model; RESOURCE_EXHAUSTED when the queue of the model is full.
    package static let classify = MethodSignature<ClassifyRequest, ClassifyResponse>(
        path: "/apus.vision.v1.Vision/Classify")
}

/// Pixels as the model takes them, with no preprocessing left to do.
package struct ImageTensor: Message {
    /// The type of the elements, by the names of the Open Inference Protocol, e.g. FP32.
    package var datatype: String
    /// Channels, height and width, as the model's metadata has them, without the batch.
    package var shape: [Int64]
    /// The elements, row by row, little-endian.
    package var data: Bytes

    package init(datatype: String = "", shape: [Int64] = [], data: Bytes = Bytes()) {
        self.datatype = datatype
        self.shape = shape
        self.data = data
    }
}

/// Asks what a picture shows.
package struct ClassifyRequest: Message {
    /// The picture.
    package enum Image: Equatable, Sendable {
        /// A JPEG or PNG file of any size; the server scales, crops and normalises it as the model wants.
        case encoded(Bytes)
        /// Pixels that the caller has prepared.
        case tensor(ImageTensor)
    }

    /// The model.
    package var model: String
    /// Its version, a positive integer; the newest one when empty.
    package var version: String
    /// The picture.
    package var image: Image?
    /// How many labels to answer with; 5 when absent. At least 1; more than the model knows means all.
    package var topK: UInt32?

    package init(model: String = "", version: String = "", image: Image? = nil, topK: UInt32? = nil) {
        self.model = model
        self.version = version
        self.image = image
        self.topK = topK
    }
}

/// One thing that a picture may show.
package struct Classification: Message {
    /// Counted from 0 in the model's list of classes.
    package var index: UInt32
    /// The name of the class; empty when the model has no names.
    package var label: String
    /// The probability the model gives to this class, from 0 to 1; all its classes together have 1.
    package var score: Float

    package init(index: UInt32 = 0, label: String = "", score: Float = 0) {
        self.index = index
        self.label = label
        self.score = score
    }
}

/// What a picture shows.
package struct ClassifyResponse: Message {
    /// The likeliest classes, likeliest first; equal ones by index.
    package var classifications: [Classification]
    /// Time until the model began.
    package var queueMicroseconds: UInt64
    /// Time the model took for the batch.
    package var computeMicroseconds: UInt64
    /// How many pictures ran together with this one, itself included.
    package var batchSize: UInt32

    package init(
        classifications: [Classification] = [],
        queueMicroseconds: UInt64 = 0,
        computeMicroseconds: UInt64 = 0,
        batchSize: UInt32 = 0
    ) {
        self.classifications = classifications
        self.queueMicroseconds = queueMicroseconds
        self.computeMicroseconds = computeMicroseconds
        self.batchSize = batchSize
    }
}
