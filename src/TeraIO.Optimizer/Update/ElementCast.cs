using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TeraIO.Optimizer.Update;

/// <summary>
/// Casts between FP32 and the narrow formats, vectorised; to a narrow format rounding to nearest, ties to even, as <c>Tensor.to(dtype)</c> does.
/// A cast from a narrow format is exact.
/// </summary>
public static class ElementCast
{
    private const uint QuietNaN = 0x7FC0;

    /// <summary>Bytes of one element.</summary>
    public static int BytesOf(ElementFormat format) => format == ElementFormat.Fp32 ? 4 : 2;

    /// <summary>Reads elements of <paramref name="format"/> as FP32.</summary>
    /// <param name="format">What <paramref name="source"/> holds.</param>
    /// <param name="source">Exactly the bytes of as many elements as <paramref name="destination"/> takes.</param>
    /// <param name="destination">Gets the values.</param>
    public static void ToFloat(ElementFormat format, ReadOnlySpan<byte> source, Span<float> destination)
    {
        RequireEqual(source.Length, destination.Length, format);
        switch (format)
        {
            case ElementFormat.Fp32: MemoryMarshal.Cast<byte, float>(source).CopyTo(destination); break;
            case ElementFormat.Bf16: Widen(MemoryMarshal.Cast<byte, ushort>(source), destination); break;
            default: Widen(MemoryMarshal.Cast<byte, Half>(source), destination); break;
        }
    }

    /// <summary>Writes FP32 values as elements of <paramref name="format"/>.</summary>
    /// <param name="format">What <paramref name="destination"/> is to hold.</param>
    /// <param name="source">The values.</param>
    /// <param name="destination">Exactly the bytes of as many elements.</param>
    public static void FromFloat(ElementFormat format, ReadOnlySpan<float> source, Span<byte> destination)
    {
        RequireEqual(destination.Length, source.Length, format);
        switch (format)
        {
            case ElementFormat.Fp32: MemoryMarshal.AsBytes(source).CopyTo(destination); break;
            case ElementFormat.Bf16: Narrow(source, MemoryMarshal.Cast<byte, ushort>(destination)); break;
            default: Narrow(source, MemoryMarshal.Cast<byte, Half>(destination)); break;
        }
    }

    private static void Widen(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        ref ushort from = ref MemoryMarshal.GetReference(source);
        ref float to = ref MemoryMarshal.GetReference(destination);
        int vectors = source.Length - (source.Length % Vector256<ushort>.Count);
        for (nuint i = 0; i < (nuint)vectors; i += (nuint)Vector256<ushort>.Count)
        {
            (Vector256<uint> lower, Vector256<uint> upper) = Vector256.Widen(Vector256.LoadUnsafe(ref from, i));
            (lower << 16).AsSingle().StoreUnsafe(ref to, i);
            (upper << 16).AsSingle().StoreUnsafe(ref to, i + (nuint)Vector256<float>.Count);
        }

        for (int i = vectors; i < source.Length; i++) destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    private static void Narrow(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        ref float from = ref MemoryMarshal.GetReference(source);
        ref ushort to = ref MemoryMarshal.GetReference(destination);
        int vectors = source.Length - (source.Length % Vector256<ushort>.Count);
        for (nuint i = 0; i < (nuint)vectors; i += (nuint)Vector256<ushort>.Count)
        {
            Vector256<uint> lower = Round(Vector256.LoadUnsafe(ref from, i));
            Vector256<uint> upper = Round(Vector256.LoadUnsafe(ref from, i + (nuint)Vector256<float>.Count));
            Vector256.Narrow(lower, upper).StoreUnsafe(ref to, i);
        }

        for (int i = vectors; i < source.Length; i++) destination[i] = (ushort)Round(Vector256.CreateScalar(source[i])).ToScalar();
    }

    private static void Widen(ReadOnlySpan<Half> source, Span<float> destination)
    {
        for (int i = 0; i < source.Length; i++) destination[i] = (float)source[i];
    }

    private static void Narrow(ReadOnlySpan<float> source, Span<Half> destination)
    {
        for (int i = 0; i < source.Length; i++) destination[i] = (Half)source[i];
    }

    /// <summary>The upper half, one more where the lower half is more than half a unit, or just half and the upper half odd.</summary>
    private static Vector256<uint> Round(Vector256<float> values)
    {
        Vector256<uint> bits = values.AsUInt32();
        Vector256<uint> isOdd = (bits >> 16) & Vector256.Create(1u);
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + isOdd) >> 16;
        return Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), rounded, Vector256.Create(QuietNaN));
    }

    private static void RequireEqual(int bytes, int elements, ElementFormat format)
    {
        if (bytes != (long)elements * BytesOf(format))
            throw new ArgumentException($"{elements} elements in {format} are {(long)elements * BytesOf(format)} bytes, not {bytes}.");
    }
}
