using System.Runtime.InteropServices;
using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Tests.Update;

internal sealed class ElementCastTests
{
    [TestCase(ElementFormat.Bf16)]
    [TestCase(ElementFormat.Fp16)]
    public void Every_narrow_number_survives_the_way_to_single_and_back(ElementFormat format)
    {
        ushort[] all = [.. Enumerable.Range(0, 65536).Select(static i => (ushort)i)];
        var wide = new float[all.Length];
        var back = new ushort[all.Length];
        ElementCast.ToFloat(format, MemoryMarshal.AsBytes(all.AsSpan()), wide);
        ElementCast.FromFloat(format, wide, MemoryMarshal.AsBytes(back.AsSpan()));
        for (int i = 0; i < all.Length; i++)
        {
            if (float.IsNaN(wide[i])) continue;
            Assert.That(back[i], Is.EqualTo(all[i]), $"{all[i]:x4}");
        }
    }

    [Test]
    public void A_single_becomes_the_nearest_bfloat16_and_ties_go_to_even()
    {
        var random = new Random(1);
        float[] values = [.. Enumerable.Range(0, 20_003).Select(_ => BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32))), 1.00390625f, 1.01171875f, float.MaxValue];
        var narrow = new ushort[values.Length];
        ElementCast.FromFloat(ElementFormat.Bf16, values, MemoryMarshal.AsBytes(narrow.AsSpan()));
        for (int i = 0; i < values.Length; i++) Assert.That(narrow[i], Is.EqualTo(Nearest(values[i])), $"{values[i]:R}");
    }

    [Test]
    public void A_memory_of_the_wrong_size_is_refused() =>
        Assert.That(() => ElementCast.ToFloat(ElementFormat.Bf16, new byte[5], new float[3]), Throws.ArgumentException.With.Message.Contains("6 bytes"));

    private static ushort Nearest(float value)
    {
        if (float.IsNaN(value)) return 0x7FC0;
        uint bits = BitConverter.SingleToUInt32Bits(value);
        uint upper = bits >> 16;
        uint lower = bits & 0xFFFF;
        return (ushort)(lower > 0x8000 || (lower == 0x8000 && upper % 2 == 1) ? upper + 1 : upper);
    }
}
