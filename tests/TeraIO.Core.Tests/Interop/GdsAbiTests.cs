using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TeraIO.Core.Interop;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tests.Interop;

/// <summary>What C# believes of tio_gds.h against what the C compiler makes of it.</summary>
[TestFixture]
public class GdsAbiTests
{
    private static readonly (string Native, Type Managed, string[] Fields)[] _structs =
    [
        ("tio_gds_file_info", typeof(GdsFileInfo),
            ["struct_size", "direct", "memory_alignment", "offset_alignment", "size", "free_bytes", "file_system"]),
        ("tio_gds_queue_options", typeof(GdsQueueOptions),
            ["struct_size", "backend", "queue_depth", "chunk_bytes", "max_requests", "bounce_chunks", "device", "reserved", "pinned_bytes"]),
        ("tio_gds_request", typeof(GdsRequest),
            ["struct_size", "op", "memory_kind", "buffer_index", "file", "memory", "offset", "length", "token", "priority", "reserved", "after", "signals"]),
        ("tio_gds_route", typeof(GdsRoute), ["struct_size", "expected", "witnessed", "reserved", "p2pdma_reads", "nvidia_fs_reads", "posix_reads"]),
        ("tio_gds_cufile_options", typeof(GdsCuFileOptions),
            ["struct_size", "allow_compatibility", "use_pci_p2pdma", "reserved", "max_direct_io_bytes", "max_device_cache_bytes", "max_pinned_bytes", "registration_budget_bytes", "search_roots", "log_directory"]),
        ("tio_gds_cufile_statistics", typeof(GdsCuFileStatistics),
            ["struct_size", "reserved", "reads", "failed_reads", "read_bytes", "writes", "failed_writes", "written_bytes", "p2pdma_reads", "nvidia_fs_reads", "posix_reads", "p2pdma_writes", "nvidia_fs_writes", "posix_writes"]),
        ("tio_gds_gpu_options", typeof(GdsGpuOptions), ["struct_size", "device", "waits", "reserved"]),
        ("tio_gds_gpu_info", typeof(GdsGpuInfo), ["struct_size", "device", "waits", "fences"]),
        ("tio_gds_fence_state", typeof(GdsFenceState), ["struct_size", "state", "status", "sys_errno"]),
        ("tio_gds_memory_range", typeof(GdsMemoryRange), ["memory", "bytes", "seed"]),
        ("tio_gds_completion", typeof(GdsCompletion), ["token", "bytes", "latency_ns", "status", "sys_errno"]),
    ];

    private static readonly (string Native, long Managed)[] _constants =
    [
        ("TIO_OK", (long)TransferStatus.Ok), ("TIO_E_INVALID", (long)TransferStatus.Invalid), ("TIO_E_IO", (long)TransferStatus.IoError),
        ("TIO_E_NOMEM", (long)TransferStatus.OutOfMemory), ("TIO_E_FULL", (long)TransferStatus.Full),
        ("TIO_E_SHORT", (long)TransferStatus.ShortTransfer), ("TIO_E_CANCELED", (long)TransferStatus.Canceled),
        ("TIO_E_TIMEOUT", (long)TransferStatus.Timeout), ("TIO_E_UNSUPPORTED", (long)TransferStatus.Unsupported),
        ("TIO_E_CLOSED", (long)TransferStatus.Closed), ("TIO_E_BUSY", (long)TransferStatus.Busy), ("TIO_E_INTERNAL", (long)TransferStatus.Internal),
        ("TIO_E_DEVICE", (long)TransferStatus.DeviceError),
        ("TIO_OP_READ", (long)TransferDirection.Read), ("TIO_OP_WRITE", (long)TransferDirection.Write),
        ("TIO_FILE_CREATE", (long)GdsFileFlags.Create), ("TIO_FILE_DIRECT", (long)GdsFileFlags.Direct),
        ("TIO_FILE_DIRECT_REQUIRED", (long)GdsFileFlags.DirectRequired), ("TIO_NO_BUFFER", GdsRequest.NoBuffer),
        ("TIO_BACKEND_AUTO", (long)Core.Storage.StorageBackend.Auto), ("TIO_BACKEND_URING", (long)Core.Storage.StorageBackend.IoUring),
        ("TIO_BACKEND_THREADS", (long)Core.Storage.StorageBackend.Threads), ("TIO_BACKEND_CUFILE", (long)Core.Storage.StorageBackend.CuFile),
        ("TIO_BACKEND_STAGED", (long)Core.Storage.StorageBackend.Staged),
        ("TIO_COPY_TO_DEVICE", (long)GdsCopyDirection.ToDevice), ("TIO_COPY_TO_HOST", (long)GdsCopyDirection.ToHost),
        ("TIO_WAIT_NOT_NEEDED", (long)FenceWait.NotNeeded), ("TIO_WAIT_BY_STREAM", (long)FenceWait.ByStream), ("TIO_WAIT_BY_HOST", (long)FenceWait.ByHost),
        ("TIO_FENCE_UNSET", (long)FenceState.Unset), ("TIO_FENCE_PENDING", (long)FenceState.Pending), ("TIO_FENCE_PASSED", (long)FenceState.Passed),
        ("TIO_FENCE_FAILED", (long)FenceState.Failed),
        ("TIO_ROUTE_UNKNOWN", (long)GdsRouteKind.Unknown), ("TIO_ROUTE_NVIDIA_FS", (long)GdsRouteKind.NvidiaFs),
        ("TIO_ROUTE_PCI_P2PDMA", (long)GdsRouteKind.PciP2pDma), ("TIO_ROUTE_COMPATIBILITY", (long)GdsRouteKind.Compatibility),
    ];

    [Test]
    public void Structs_and_constants_are_those_of_the_header()
    {
        var expected = _structs.Select(static s => (s.Native, s.Fields)).ToArray();

        Assert.That(ManagedView(), Is.EqualTo(NativeView(expected)));
    }

    [TestCase(TransferStatus.DeviceError, 5036, "CU_FILE_GPU_MEMORY_PINNING_FAILED (5036)")]
    [TestCase(TransferStatus.DeviceError, 5999, "cuFile error 5999")]
    [TestCase(TransferStatus.IoError, 5, "(errno 5)")]
    public void The_code_of_a_failed_transfer_has_words(object status, int code, string words) =>
        Assert.That(NativeMethods.Gds.DescribeError((TransferStatus)status, code), Does.Contain(words));

    private static string[] ManagedView()
    {
        var lines = new List<string>();
        foreach (var (native, managed, fields) in _structs)
        {
            var offsets = managed.GetFields(BindingFlags.Instance | BindingFlags.Public)
                .Select(field => (long)Marshal.OffsetOf(managed, field.Name)).Order().ToArray();
            lines.Add($"{native} {Marshal.SizeOf(managed)} {string.Join(' ', offsets)}");
            Assert.That(offsets, Has.Length.EqualTo(fields.Length), native);
        }
        lines.AddRange(_constants.Select(static c => $"{c.Native} {c.Managed}"));
        return [.. lines];
    }

    private static string[] NativeView((string Native, string[] Fields)[] structs)
    {
        var directory = Directory.CreateTempSubdirectory("teraio-abi-tests-").FullName;
        try
        {
            var source = Path.Combine(directory, "layout.c");
            var program = Path.Combine(directory, "layout");
            var prints = structs.Select(static s =>
                $"printf(\"{s.Native} %zu\", sizeof({s.Native}));"
                + string.Concat(s.Fields.Select(field => $"printf(\" %zu\", offsetof({s.Native}, {field}));")) + "puts(\"\");");
            var constants = _constants.Select(static c => $"printf(\"{c.Native} %lld\\n\", (long long){c.Native});");
            File.WriteAllText(source, $"#include <stdio.h>\n#include \"tio_gds.h\"\nint main(void) {{ {string.Concat(prints)} {string.Concat(constants)} return 0; }}\n");
            Run("cc", "-I", HeaderDirectory(), "-o", program, source);
            return Run(program).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string HeaderDirectory([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "../../../native/gds_shim/include"));

    private static string Run(string command, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, $"{command} {string.Join(' ', arguments)}");
            return output;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore($"'{command}' is not installed: the header cannot be compiled here");
            throw;
        }
    }
}
