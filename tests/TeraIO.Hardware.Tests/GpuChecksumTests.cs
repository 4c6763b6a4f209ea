using System.Diagnostics;
using TeraIO.Core.Interop;
using TeraIO.Core.Transfers;

namespace TeraIO.Hardware.Tests;

/// <summary>The checksum kernel on a real GPU, in the PTX that the driver compiles, against the CPU.</summary>
public sealed class GpuChecksumTests
{
    private const int Largest = 64 << 20;

    [Category("GPU")]
    [Test]
    public void The_gpu_computes_what_the_cpu_does()
    {
        using CudaDevice skipped = CudaDevice.Require();
        using var device = new FenceDevice(0);
        using DeviceChecksums checksums = device.CreateChecksums();
        using DeviceMemory memory = device.Allocate(Largest);
        byte[] bytes = new byte[Largest];
        var random = new Random(20261127);
        random.NextBytes(bytes);
        memory.CopyFrom(bytes);
        var ranges = new List<(int Offset, int Length)>();
        for (int length = 0; length < 600; length++) ranges.Add((length % 23, length));
        for (int shift = 10; shift <= 26; shift++)
        {
            foreach (int odd in (int[])[-9, -1, 0, 1, 13])
            {
                int length = Math.Min((1 << shift) + odd, Largest);
                ranges.Add((0, length));
                int offset = random.Next(Math.Min(64, Largest - length + 1));
                ranges.Add((offset, length));
            }
        }

        GdsMemoryRange[] asked = [.. ranges.Select((r, i) => new GdsMemoryRange { Memory = memory.Address + r.Offset, Bytes = (ulong)r.Length, Seed = (ulong)i })];
        var found = new ulong[asked.Length];
        checksums.Compute(asked, found);

        for (int i = 0; i < asked.Length; i++)
            Assert.That(found[i], Is.EqualTo(DeviceChecksums.OfHost(bytes.AsSpan(ranges[i].Offset, ranges[i].Length), (ulong)i)), $"{ranges[i].Length} bytes at {ranges[i].Offset}");
        bytes[Largest / 2] ^= 1;
        memory.CopyFrom(bytes.AsSpan(Largest / 2, 1), Largest / 2);
        Assert.That(Of(checksums, memory, Largest), Is.EqualTo(DeviceChecksums.OfHost(bytes, 0)));
        TestContext.Out.WriteLine($"stripes of 1 MiB: {RateOf(checksums, memory, 1 << 20):F1} GB/s; one range of 64 MiB: {RateOf(checksums, memory, Largest):F1} GB/s");
    }

    private static ulong Of(DeviceChecksums checksums, DeviceMemory memory, int length)
    {
        Span<ulong> found = stackalloc ulong[1];
        checksums.Compute([new GdsMemoryRange { Memory = memory.Address, Bytes = (ulong)length }], found);
        return found[0];
    }

    /// <summary>All of the memory in pieces, a few times: GB of 10^9 bytes per second, launches and waits included.</summary>
    private static double RateOf(DeviceChecksums checksums, DeviceMemory memory, int piece)
    {
        const int Rounds = 20;
        GdsMemoryRange[] ranges = [.. Enumerable.Range(0, Largest / piece).Select(i => new GdsMemoryRange { Memory = memory.Address + (i * piece), Bytes = (ulong)piece })];
        var found = new ulong[ranges.Length];
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; round < Rounds; round++) checksums.Compute(ranges, found);
        return (double)Rounds * Largest / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
    }
}
