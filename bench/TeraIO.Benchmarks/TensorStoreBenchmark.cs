using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using TeraIO.Core;
using TeraIO.Core.Storage;

namespace TeraIO.Benchmarks;

/// <summary>
/// One tensor out to the disk and back: checksums, transfers and the disk itself. The store lies in TERAIO_STORE, else in /var/tmp;
/// compare with bench/store-vs-fio.sh on the same file system.
/// </summary>
public unsafe class TensorStoreBenchmark
{
    private const int Alignment = 4096;

    private string _directory = null!;
    private TensorStore _store = null!;
    private StoredCopy _copy = null!;
    private void* _memory;

    [Params(64 * 1024, 4 * 1024 * 1024, 64 * 1024 * 1024)]
    public int TensorBytes { get; set; }

    [GlobalSetup]
    public void OpenStore()
    {
        string parent = Environment.GetEnvironmentVariable("TERAIO_STORE") is { Length: > 0 } named ? named : "/var/tmp";
        _directory = Directory.CreateDirectory(Path.Combine(parent, $"teraio-bench-{Environment.ProcessId}")).FullName;
        _store = TensorStore.Open(new StoreOptions { Paths = [_directory], Capacity = new ByteSize(TensorBytes) });
        _memory = NativeMemory.AlignedAlloc((nuint)TensorBytes, Alignment);
        new Random(1).NextBytes(new Span<byte>(_memory, TensorBytes));
        _copy = _store.Reserve(tensorId: 1, TensorBytes);
        Write();
    }

    [GlobalCleanup]
    public void RemoveStore()
    {
        _store.Dispose();
        NativeMemory.AlignedFree(_memory);
        Directory.Delete(_directory, recursive: true);
    }

    [Benchmark]
    public void Write() => _store.WriteAsync(_copy, (nint)_memory).AsTask().GetAwaiter().GetResult();

    [Benchmark]
    public void Read_and_verify() => _store.ReadAsync(_copy, (nint)_memory).AsTask().GetAwaiter().GetResult();
}
