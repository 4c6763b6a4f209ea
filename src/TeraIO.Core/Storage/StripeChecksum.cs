using System.IO.Hashing;

namespace TeraIO.Core.Storage;

/// <summary>XXH3-64 of a stripe's bytes, seeded with whose bytes they are.</summary>
internal static class StripeChecksum
{
    /// <summary>
    /// Tensor, generation and stripe in one number, so that equal bytes of another stripe or of an earlier write do not
    /// pass for this one.
    /// </summary>
    public static ulong Seed(long tensorId, uint generation, int stripeIndex) =>
        Mix(Mix(Mix((ulong)tensorId) + generation) + (uint)stripeIndex);

    /// <summary>The checksum of <paramref name="length"/> bytes at <paramref name="memory"/>; at most 1 GiB, as stripes are.</summary>
    public static unsafe ulong Compute(nint memory, long length, ulong seed) =>
        XxHash3.HashToUInt64(new ReadOnlySpan<byte>((void*)memory, checked((int)length)), unchecked((long)seed));

    /// <summary>SplitMix64's finalizer: neighbouring ids and generations get unrelated seeds.</summary>
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
