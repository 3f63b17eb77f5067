import Compute

/// A value during a run, to be read; valid only inside `Operator.run`.
struct UnsafeTensorView {
    let type: ValueType
    /// 64-byte aligned, dense and row-major.
    let base: UnsafeRawPointer

    /// The elements.
    ///
    /// - Precondition: `Element` has the size of this value's elements.
    func elements<Element>(_ element: Element.Type) -> UnsafePointer<Element> {
        precondition(MemoryLayout<Element>.size == type.elementByteCount, "\(Element.self) from \(type)")
        return base.assumingMemoryBound(to: Element.self)
    }

    var floats: UnsafePointer<Float> { elements(Float.self) }
}

/// A value during a run, to be written; valid only inside `Operator.run`, and undefined before.
struct UnsafeMutableTensorView {
    let type: ValueType
    /// 64-byte aligned, dense and row-major; overlaps no input.
    let base: UnsafeMutableRawPointer

    /// The elements.
    ///
    /// - Precondition: `Element` has the size of this value's elements.
    func elements<Element>(_ element: Element.Type) -> UnsafeMutablePointer<Element> {
        precondition(MemoryLayout<Element>.size == type.elementByteCount, "\(Element.self) from \(type)")
        return base.assumingMemoryBound(to: Element.self)
    }

    var floats: UnsafeMutablePointer<Float> { elements(Float.self) }
}
