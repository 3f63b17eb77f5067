import CMemory

/// How the allocator of this process behaves.
package enum ProcessMemory {
    /// Has freed blocks of 4 MiB and more go back to the system at once, in the whole process and for good.
    ///
    /// - Returns: whether the allocator takes such a setting; that of a sanitizer does not.
    package static func giveBackLargeBlocks() -> Bool { apus_give_back_large_blocks() == 1 }
}
