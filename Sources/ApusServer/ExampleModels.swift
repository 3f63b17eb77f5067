import Foundation

/// The three trained models that come with Apus.
package enum ExampleModels {
    /// The model repository they make up.
    package static var repositoryPath: String { Bundle.module.bundleURL.path }

    /// A picture of the digit seven, to try `digits` with.
    package static var samplePicturePath: String {
        Bundle.module.bundleURL.appending(path: "digits/samples/seven.png").path
    }
}
