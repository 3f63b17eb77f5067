import COpenBLAS

/// What the OpenBLAS of this process is and does.
package enum OpenBLAS {
    /// The processor that OpenBLAS picked its kernels for, such as `SkylakeX`.
    package static var coreName: String {
        prepare()
        return String(cString: openblas_get_corename())
    }

    /// Version and build options, for the log.
    package static var configuration: String { String(cString: openblas_get_config()) }

    /// Threads that OpenBLAS uses for one call; 1 after `prepare()`.
    package static var threadCount: Int { Int(openblas_get_num_threads()) }

    /// A sentence for the start-up log when OpenBLAS runs slower kernels than the processor has, as it does when
    /// OPENBLAS_CORETYPE is set in the environment; nil when all is well.
    package static var coreNameWarning: String? {
        warning(coreName: coreName, tier: Kernels.best.tier)
    }

    /// OpenBLAS' names for cores with AVX-512 kernels and, after them, those with AVX2.
    private static let avx512Cores: Set<String> = ["skylakex", "cooperlake", "sapphirerapids"]
    private static let avx2Cores: Set<String> = ["haswell", "zen"]

    /// `coreNameWarning` for a given name and tier.
    package static func warning(coreName: String, tier: KernelTier) -> String? {
        let name = coreName.lowercased()
        let isExpected =
            switch tier {
            // The kernels of OpenBLAS for ARM differ in how they are cut, not in their instruction set.
            case .reference, .neon, .neonDotProduct: true
            case .avx2: avx2Cores.contains(name) || avx512Cores.contains(name)
            case .avx512, .avx512BF16: avx512Cores.contains(name)
            }
        return isExpected ? nil : "OpenBLAS uses kernels for \(coreName), below the \(tier) of this processor"
    }

    /// Confines OpenBLAS to the calling thread, once: its own threads would compete with the gang's, and spin for
    /// milliseconds after each call.
    static func prepare() { _ = isPrepared }

    private static let isPrepared: Bool = {
        openblas_set_num_threads(1)
        return true
    }()
}
