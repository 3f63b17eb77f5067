import Glibc

/// Student's t distribution.
enum StudentT {
    /// The value that a t-distributed variable exceeds in neither direction with probability `confidence`.
    ///
    /// - Precondition: `degreesOfFreedom` is above 0, `confidence` between 0 and 1.
    static func criticalValue(confidence: Double, degreesOfFreedom: Double) -> Double {
        precondition(degreesOfFreedom > 0 && confidence > 0 && confidence < 1, "\(degreesOfFreedom), \(confidence)")
        var low = 0.0
        var high = 1.0
        while within(high, degreesOfFreedom) < confidence, high < 1e9 { high *= 2 }
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if within(middle, degreesOfFreedom) < confidence { low = middle } else { high = middle }
        }
        return high
    }

    /// The probability of a value from -t to t.
    private static func within(_ t: Double, _ degreesOfFreedom: Double) -> Double {
        let x = degreesOfFreedom / (degreesOfFreedom + t * t)
        return 1 - incompleteBeta(degreesOfFreedom / 2, 0.5, x)
    }

    /// The regularised incomplete beta function, by its continued fraction.
    ///
    /// - Source: Abramowitz and Stegun 1964, 26.5.8; evaluated as in Lentz 1976.
    private static func incompleteBeta(_ a: Double, _ b: Double, _ x: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges fast on one side of the mean; the other side is its mirror image.
        guard x <= (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(b, a, 1 - x) }
        let logarithm: Double = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)
        let front = exp(logarithm) / a
        let tiny = 1e-300
        var c = 1.0
        var d = 1 - (a + b) * x / (a + 1)
        d = 1 / (abs(d) < tiny ? tiny : d)
        var fraction = d
        for m in 1...300 {
            let m = Double(m)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            for term in [even, odd] {
                d = 1 + term * d
                d = 1 / (abs(d) < tiny ? tiny : d)
                c = 1 + term / c
                if abs(c) < tiny { c = tiny }
                fraction *= c * d
            }
            if abs(c * d - 1) < 1e-14 { break }
        }
        return front * fraction
    }
}
