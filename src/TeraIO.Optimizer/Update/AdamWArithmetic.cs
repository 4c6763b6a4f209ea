namespace TeraIO.Optimizer.Update;

/// <summary>
/// How additions of products and square roots round. Another library's AdamW is matched to the last bit only by rounding where it rounds: libtorch fuses or not by the
/// CPU it finds, and takes its roots from MKL, whose roots are not always the nearest number (up to 0.75 units in the last place away). Immutable.
/// </summary>
public sealed unsafe class AdamWArithmetic
{
    private readonly delegate* unmanaged<int, float*, float*, long, void> _squareRoot;
    private readonly long _mode;

    private AdamWArithmetic(bool isFused, delegate* unmanaged<int, float*, float*, long, void> squareRoot, long mode)
    {
        IsFused = isFused;
        _squareRoot = squareRoot;
        _mode = mode;
    }

    /// <summary>One rounding per multiply-add, roots rounded to nearest: what libtorch without MKL does on a CPU with AVX2.</summary>
    public static AdamWArithmetic Fused { get; } = new(isFused: true, squareRoot: null, mode: 0);

    /// <summary>Every operation rounds, roots to nearest: what libtorch without MKL does on a CPU without AVX2.</summary>
    public static AdamWArithmetic Separate { get; } = new(isFused: false, squareRoot: null, mode: 0);

    /// <summary>Whether a product that is added to a moment is rounded before the addition.</summary>
    public bool IsFused { get; }

    /// <summary>Whether roots come from another library.</summary>
    public bool HasForeignRoot => _squareRoot is not null;

    /// <summary>The same with square roots from a function with the signature of MKL's <c>vmsSqrt(n, a, y, mode)</c>.</summary>
    /// <param name="function">Address of the function; must be callable from any thread for as long as this object is used.</param>
    /// <param name="mode">Its last argument.</param>
    public AdamWArithmetic WithSquareRoot(nint function, long mode)
    {
        ArgumentOutOfRangeException.ThrowIfZero(function);
        return new AdamWArithmetic(IsFused, (delegate* unmanaged<int, float*, float*, long, void>)function, mode);
    }

    /// <summary>Roots of <paramref name="values"/> by the foreign function.</summary>
    internal void SquareRoot(ReadOnlySpan<float> values, Span<float> roots)
    {
        fixed (float* from = values)
        fixed (float* to = roots)
            _squareRoot(values.Length, from, to, _mode);
    }
}
