using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using TeraIO.Core.Storage;

namespace TeraIO.Benchmarks;

/// <summary>What verifying one stripe costs: it must stay far above the bandwidth of the disks.</summary>
public unsafe class ChecksumBenchmark
{
    private const int Alignment = 4096;

    private void* _memory;

    [Params(64 * 1024, 1024 * 1024, 16 * 1024 * 1024)]
    public int StripeBytes { get; set; }

    [GlobalSetup]
    public void AllocateStripe()
    {
        _memory = NativeMemory.AlignedAlloc((nuint)StripeBytes, Alignment);
        new Random(1).NextBytes(new Span<byte>(_memory, StripeBytes));
    }

    [GlobalCleanup]
    public void FreeStripe() => NativeMemory.AlignedFree(_memory);

    [Benchmark]
    public ulong Checksum_of_a_stripe() =>
        StripeChecksum.Compute((nint)_memory, StripeBytes, StripeChecksum.Seed(tensorId: 7, generation: 3, stripeIndex: 0));
}
