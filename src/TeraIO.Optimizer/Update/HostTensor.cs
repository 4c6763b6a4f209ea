namespace TeraIO.Optimizer.Update;

/// <summary>
/// The contiguous elements of a tensor in host memory, which belongs to someone else and must outlive every use of this value.
/// </summary>
/// <param name="Address">Of the first element.</param>
/// <param name="Elements">How many.</param>
/// <param name="Format">How each is kept.</param>
public readonly unsafe record struct HostTensor(nint Address, long Elements, ElementFormat Format)
{
    /// <summary>Elements as FP32: the memory itself where it is FP32, else values cast into <paramref name="scratch"/>.</summary>
    /// <param name="offset">First element.</param>
    /// <param name="scratch">As long as what is to be read.</param>
    public ReadOnlySpan<float> Read(long offset, Span<float> scratch)
    {
        if (Format == ElementFormat.Fp32) return Floats(offset, scratch.Length);
        ElementCast.ToFloat(Format, Bytes(offset, scratch.Length), scratch);
        return scratch;
    }

    /// <summary>Overwrites elements with <paramref name="values"/>, cast to <see cref="Format"/>.</summary>
    public void Write(long offset, ReadOnlySpan<float> values) => ElementCast.FromFloat(Format, values, Bytes(offset, values.Length));

    /// <summary>FP32 elements in place.</summary>
    public Span<float> Floats(long offset, int count)
    {
        if (Format != ElementFormat.Fp32) throw new InvalidOperationException($"Elements kept as {Format} are not FP32 in memory.");
        return new Span<float>((void*)(Address + (nint)(4 * Checked(offset, count))), count);
    }

    private Span<byte> Bytes(long offset, int count)
    {
        int size = ElementCast.BytesOf(Format);
        return new Span<byte>((void*)(Address + (nint)(size * Checked(offset, count))), size * count);
    }

    private long Checked(long offset, int count)
    {
        if (offset < 0 || count < 0 || offset > Elements - count)
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"Elements {offset} to {offset + count} of a tensor with {Elements}.");
        return offset;
    }
}
