using BenchmarkDotNet.Attributes;
using TeraIO.Core.Storage;

namespace TeraIO.Benchmarks;

/// <summary>One free and one allocation in a store that is fragmented as training leaves it: many sizes, holes everywhere.</summary>
[MemoryDiagnoser]
public class ExtentAllocatorBenchmark
{
    private const long LongestExtent = 1 << 20;
    private const int BlockBytes = 4096;

    private readonly Random _random = new(1);
    private ExtentAllocator _allocator = null!;
    private (long Offset, long Length)[] _extents = null!;

    [Params(100, 10_000)]
    public int Extents { get; set; }

    [GlobalSetup]
    public void FragmentTheStore()
    {
        _allocator = new ExtentAllocator();
        // Twice the room that is needed, so that no allocation fails however the holes fall.
        _allocator.GrowTo(2 * Extents * LongestExtent);
        _extents = new (long, long)[Extents];
        for (int i = 0; i < Extents; i++) _extents[i] = Allocate();
        for (int i = 0; i < 10 * Extents; i++) ReplaceOne();
    }

    [Benchmark]
    public long Free_one_extent_and_allocate_another() => ReplaceOne();

    private long ReplaceOne()
    {
        int index = _random.Next(Extents);
        _allocator.Free(_extents[index].Offset);
        _extents[index] = Allocate();
        return _extents[index].Offset;
    }

    private (long Offset, long Length) Allocate()
    {
        long length = BlockBytes * _random.NextInt64(1, (LongestExtent / BlockBytes) + 1);
        return _allocator.TryAllocate(length, out long offset)
            ? (offset, length)
            : throw new InvalidOperationException($"No room for {length} bytes: the benchmark's store is too small.");
    }
}
