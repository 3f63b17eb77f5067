import Images
import Testing

@Suite("PixelImage")
struct PixelImageTests {
    /// What Pillow 13.0 `resize(size, Resampling.BILINEAR)` gives for the 11 x 7 picture with the pixel
    /// (37 x + 91 y + 5 x y) mod 256 at x, y.
    private static let resized: [(width: Int, height: Int, pixels: [UInt8])] = [
        (
            5, 3,
            [
                101, 119, 121, 120, 147, 113, 124, 122, 153, 133, 103, 130, 151, 155, 143,
            ]
        ),
        (
            16, 9,
            [
                0, 20, 45, 71, 96, 121, 147, 172, 198, 215, 65, 18, 43, 69, 94, 114, 61, 82, 110, 138, 165, 145, 56,
                78, 105, 130, 100, 103, 131, 159, 187, 208, 131, 155, 160, 113, 132, 123, 56, 82, 111, 142, 173, 157,
                119, 150, 181, 204, 145, 171, 160, 57, 71, 104, 137, 133, 146, 179, 213, 165, 79, 113, 119, 114, 17,
                45, 80, 116, 152, 188, 223, 91, 39, 75, 110, 146, 182, 218, 133, 25, 88, 117, 155, 195, 115, 72, 110,
                111, 131, 169, 207, 165, 85, 124, 135, 135, 159, 115, 89, 130, 104, 98, 140, 181, 173, 121, 162, 157,
                130, 171, 146, 102, 144, 87, 51, 95, 139, 158, 143, 185, 169, 101, 145, 154, 147, 191, 155, 98, 34,
                70, 116, 162, 208, 182, 52, 90, 136, 182, 228, 170, 64, 110, 156, 192,
            ]
        ),
        (
            4, 12,
            [
                42, 135, 120, 72, 78, 123, 113, 123, 135, 105, 103, 201, 146, 103, 145, 154, 142, 108, 172, 115, 99,
                134, 127, 138, 98, 134, 124, 142, 141, 109, 163, 127, 120, 128, 157, 143, 86, 156, 141, 164, 101,
                145, 153, 149, 111, 138, 161, 139,
            ]
        ),
    ]

    @Test("resizing gives Pillow's pixels, smaller and larger", arguments: resized)
    func resizing(_ expected: (width: Int, height: Int, pixels: [UInt8])) {
        let pixels = (0..<77).map { index in
            let (y, x) = index.quotientAndRemainder(dividingBy: 11)
            return UInt8((x * 37 + y * 91 + x * y * 5) % 256)
        }
        let image = PixelImage(.gray8, width: 11, height: 7, pixels: pixels)
        #expect(image.resized(width: expected.width, height: expected.height).pixels == expected.pixels)
    }

    @Test("a picture of one colour stays that colour at any size")
    func uniform() {
        let image = PixelImage(.rgb8, width: 9, height: 4, pixels: (0..<36).flatMap { _ in [7, 130, 255] as [UInt8] })
        for (width, height) in [(1, 1), (3, 8), (100, 3), (9, 4)] {
            let resized = image.resized(width: width, height: height)
            #expect(resized.pixels == (0..<width * height).flatMap { _ in [7, 130, 255] as [UInt8] })
        }
    }

    @Test(
        "the shorter side is what was asked for and the proportions stay",
        arguments: [
            (100, 50, 20, 40, 20), (50, 100, 20, 20, 40), (451, 300, 256, 385, 256), (30, 30, 30, 30, 30),
        ])
    func shorterSide(_ width: Int, _ height: Int, _ size: Int, _ newWidth: Int, _ newHeight: Int) {
        let resized = gradient(.gray8, width: width, height: height).resized(shorterSide: size)
        #expect(resized.width == newWidth && resized.height == newHeight)
    }

    @Test("the centre of a picture is its middle, an odd margin rounded to even")
    func centre() {
        let image = PixelImage(.gray8, width: 5, height: 4, pixels: Array(0..<20))
        #expect(image.centreCropped(width: 3, height: 2).pixels == [6, 7, 8, 11, 12, 13])
        #expect(image.centreCropped(width: 2, height: 4).pixels == [2, 3, 7, 8, 12, 13, 17, 18])
        #expect(image.centreCropped(width: 5, height: 4) == image)
    }

    @Test("luma weighs green most, and gray becomes three equal channels")
    func conversion() {
        let colours = PixelImage(.rgb8, width: 4, height: 1, pixels: [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])
        let gray = colours.converted(to: .gray8)
        #expect(gray.pixels == [76, 150, 29, 255])
        #expect(gray.converted(to: .rgb8).pixels == [76, 76, 76, 150, 150, 150, 29, 29, 29, 255, 255, 255])
        #expect(gray.inverted().pixels == [179, 105, 226, 0])
    }
}
