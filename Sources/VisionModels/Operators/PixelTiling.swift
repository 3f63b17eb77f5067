/// How the output pixels of a convolution are cut into tiles, and how a tile's windows are unrolled.
///
/// A tile is a run of output pixels in row-major order, in blocks of sixteen; the last block may be partly empty. Tiles
/// depend on the shapes only.
struct PixelTiling {
    /// Pixels in a block: the columns of a panel block in packed_gemm.c.
    static let blockPixelCount = 16
    /// Floats of an unrolled tile: half of an L2 cache of 1 MiB, so that the filters find room beside it.
    private static let tileFloatCountMax = 1 << 17
    /// Tiles that threads can share, and blocks that keep the product's registers busy.
    private static let tileCountWanted = 4
    private static let blocksPerTileWanted = 3

    private let geometry: WindowGeometry
    private let blockCount: Int
    let blocksPerTile: Int
    /// Pixels side by side in one output row and one block, in pixel order.
    private let pieces: [Piece]
    /// The first piece of each tile, and one more.
    private let tileStarts: [Int]

    private struct Piece {
        /// Block within the tile.
        let block: Int
        let lane: Int
        let count: Int
        let row: Int
        let column: Int
    }

    var tileCount: Int { (blockCount + blocksPerTile - 1) / blocksPerTile }

    init(_ given: WindowGeometry, depth: Int) {
        let geometry = given.isPointwise ? given.asOneRow : given
        self.geometry = geometry
        blockCount = (geometry.outputPixelCount + Self.blockPixelCount - 1) / Self.blockPixelCount
        let fitting = Self.tileFloatCountMax / max(depth * Self.blockPixelCount, 1)
        let shared = max(Self.blocksPerTileWanted, (blockCount + Self.tileCountWanted - 1) / Self.tileCountWanted)
        blocksPerTile = max(1, min(fitting, shared))
        (pieces, tileStarts) = Self.cut(geometry, blocksPerTile: blocksPerTile)
    }

    func pixels(ofTile tile: Int) -> Range<Int> {
        let size = blocksPerTile * Self.blockPixelCount
        return tile * size..<min((tile + 1) * size, geometry.outputPixelCount)
    }

    private static func cut(_ geometry: WindowGeometry, blocksPerTile: Int) -> ([Piece], [Int]) {
        var pieces: [Piece] = []
        var starts: [Int] = []
        let width = geometry.width.outputSize
        var pixel = 0
        while pixel < geometry.outputPixelCount {
            let (block, lane) = pixel.quotientAndRemainder(dividingBy: blockPixelCount)
            if block % blocksPerTile == 0, lane == 0 { starts.append(pieces.count) }
            let (row, column) = pixel.quotientAndRemainder(dividingBy: width)
            let count = min(blockPixelCount - lane, width - column)
            pieces.append(Piece(block: block % blocksPerTile, lane: lane, count: count, row: row, column: column))
            pixel += count
        }
        return (pieces, starts + [pieces.count])
    }

    /// Writes the windows of a tile as columns: `panel[block][channel · tap][lane]`, zeros for padding.
    ///
    /// `panel` has `blocksPerTile · depth · 16` floats. Lanes behind the last pixel keep what was there; the product
    /// does not write their results.
    func unroll(
        _ channels: UnsafePointer<Float>, channelCount: Int, tile: Int, into panel: UnsafeMutablePointer<Float>
    ) {
        let depth = channelCount * geometry.kernelSize
        for piece in pieces[tileStarts[tile]..<tileStarts[tile + 1]] {
            let target = panel + piece.block * depth * Self.blockPixelCount + piece.lane
            if isInside(piece) {
                unrollInside(piece, channels, channelCount: channelCount, to: target)
            } else {
                unroll(piece, channels, channelCount: channelCount, to: target)
            }
        }
    }

    /// Whether the piece fills a block of neighbouring pixels whose windows stay within their lines.
    private func isInside(_ piece: Piece) -> Bool {
        let width = geometry.width
        let first = width.start(piece.column)
        let last = first + (width.kernelSize - 1) * width.dilation + piece.count - 1
        return piece.count == Self.blockPixelCount && width.stride == 1 && first >= 0 && last < width.inputSize
    }

    private func unrollInside(
        _ piece: Piece, _ channels: UnsafePointer<Float>, channelCount: Int, to start: UnsafeMutablePointer<Float>
    ) {
        let (height, width, pixelCount) = (geometry.height, geometry.width, geometry.inputPixelCount)
        let (firstY, firstX) = (height.start(piece.row), width.start(piece.column))
        var target = UnsafeMutableRawPointer(start)
        let byteCount = MemoryLayout<SIMD16<Float>>.size
        for channel in 0..<channelCount {
            for tapY in 0..<height.kernelSize {
                let y = firstY + tapY * height.dilation
                let isPadding = y < 0 || y >= height.inputSize
                // Not followed where it would lead outside.
                let line = channels + (channel * pixelCount + (isPadding ? 0 : y * width.inputSize) + firstX)
                for tapX in 0..<width.kernelSize {
                    let source = UnsafeRawPointer(line + tapX * width.dilation)
                    let pixels = isPadding ? SIMD16<Float>(repeating: 0) : source.loadUnaligned(as: SIMD16<Float>.self)
                    target.storeBytes(of: pixels, as: SIMD16<Float>.self)
                    target += byteCount
                }
            }
        }
    }

    private func unroll(
        _ piece: Piece, _ channels: UnsafePointer<Float>, channelCount: Int, to start: UnsafeMutablePointer<Float>
    ) {
        let (height, width) = (geometry.height, geometry.width)
        var target = start
        for channel in 0..<channelCount {
            let plane = channels + channel * geometry.inputPixelCount
            for tapY in 0..<height.kernelSize {
                let y = height.start(piece.row) + tapY * height.dilation
                let line = (0..<height.inputSize).contains(y) ? plane + y * width.inputSize : nil
                for tapX in 0..<width.kernelSize {
                    let x = width.start(piece.column) + tapX * width.dilation
                    copy(line, from: x, count: piece.count, to: target)
                    target += Self.blockPixelCount
                }
            }
        }
    }

    /// Copies the pixels of a line that neighbouring windows see through one tap; outside the line are zeros.
    private func copy(
        _ line: UnsafePointer<Float>?, from x: Int, count: Int, to target: UnsafeMutablePointer<Float>
    ) {
        let (size, stride) = (geometry.width.inputSize, geometry.width.stride)
        guard let line, x < size, x + (count - 1) * stride >= 0 else {
            for index in 0..<count { target[index] = 0 }
            return
        }
        if x >= 0, x + (count - 1) * stride < size {
            for index in 0..<count { target[index] = line[x + index * stride] }
            return
        }
        for index in 0..<count {
            let position = x + index * stride
            target[index] = position >= 0 && position < size ? line[position] : 0
        }
    }
}
