using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using TeraIO.Core;
using TeraIO.Core.Interop;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Cli.Doctor;

/// <summary>Tries things on the machine that this runs on, through the storage library that a training run uses.</summary>
internal sealed unsafe class MachineTrials : IMachineTrials
{
    private const int TrialBytes = 1 << 20;
    private const int TimeoutMilliseconds = 30_000;

    /// <inheritdoc/>
    public IReadOnlyList<BackendTrial> Backends() => [.. BackendTrial.All.Select(static b => Try(b.Backend, b.Name))];

    /// <inheritdoc/>
    public string WhyNoDeviceChecksums()
    {
        try
        {
            using var device = new FenceDevice(0);
            device.CreateChecksums().Dispose();
            return "";
        }
        catch (TeraIOException e)
        {
            return e.Message;
        }
    }

    /// <inheritdoc/>
    public DirectIoTrial DirectIo(string directory)
    {
        try
        {
            NativeMethods.Gds.EnsureLoaded();
            using StoreDirectory own = StoreDirectory.Create(directory, NullLogger.Instance);
            TransferStatus opened = NativeMethods.Gds.FileOpen(own.StoreFilePath, GdsFileFlags.Create | GdsFileFlags.DirectRequired, out nint pointer);
            if (opened != TransferStatus.Ok) return new DirectIoTrial(false, CanWrite: opened == TransferStatus.Unsupported, NativeMethods.Gds.LastError());
            using var file = new GdsFileHandle(pointer);
            var info = new GdsFileInfo { StructSize = (uint)sizeof(GdsFileInfo) };
            if (NativeMethods.Gds.FileGetInfo(file, &info) != TransferStatus.Ok) return new DirectIoTrial(false, true, NativeMethods.Gds.LastError());
            string reason = RoundTrip(file);
            return new DirectIoTrial(reason.Length == 0, true, reason, info.MemoryAlignment, info.OffsetAlignment, (long)ulong.Min(info.FreeBytes, long.MaxValue));
        }
        catch (Exception e) when (e is TeraIOException or IOException or UnauthorizedAccessException)
        {
            return new DirectIoTrial(false, CanWrite: false, e.Message);
        }
    }

    /// <inheritdoc/>
    public LibraryTrial Load(string library)
    {
        try
        {
            // Never freed: a driver's library that has started threads does not survive it.
            NativeLibrary.Load(library);
            return new LibraryTrial(MappedFile(Path.GetFileName(library)) ?? library);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            return new LibraryTrial(null, FirstLine(e.Message));
        }
    }

    private static BackendTrial Try(uint backend, string name)
    {
        try
        {
            NativeMethods.Gds.EnsureLoaded();
            var options = new GdsQueueOptions { StructSize = (uint)sizeof(GdsQueueOptions), Backend = backend, QueueDepth = 2 };
            if (NativeMethods.Gds.QueueCreate(&options, out nint queue) != TransferStatus.Ok) return new BackendTrial(backend, name, false, NativeMethods.Gds.LastError());
            new GdsQueueHandle(queue).Dispose();
            return new BackendTrial(backend, name, true, "");
        }
        catch (ConfigurationException e)
        {
            return new BackendTrial(backend, name, false, e.Message);
        }
    }

    /// <returns>What went wrong; empty when the bytes came back.</returns>
    private static string RoundTrip(GdsFileHandle file)
    {
        var options = new GdsQueueOptions { StructSize = (uint)sizeof(GdsQueueOptions) };
        if (NativeMethods.Gds.QueueCreate(&options, out nint pointer) != TransferStatus.Ok) return NativeMethods.Gds.LastError();
        using var queue = new GdsQueueHandle(pointer);
        byte* memory = (byte*)NativeMemory.AlignedAlloc(2 * TrialBytes, StoreOptions.BlockBytes);
        try
        {
            var written = new Span<byte>(memory, TrialBytes);
            var read = new Span<byte>(memory + TrialBytes, TrialBytes);
            RandomNumberGenerator.Fill(written);
            read.Clear();
            if (Move(queue, file, TransferDirection.Write, memory) is { } writing) return $"writing failed: {writing}";
            if (Move(queue, file, TransferDirection.Read, memory + TrialBytes) is { } reading) return $"reading failed: {reading}";
            return written.SequenceEqual(read) ? "" : "other bytes came back than were written";
        }
        finally
        {
            // The kernel may still write into the memory after a timeout: the queue has to end first.
            queue.Dispose();
            NativeMemory.AlignedFree(memory);
        }
    }

    private static string? Move(GdsQueueHandle queue, GdsFileHandle file, TransferDirection direction, byte* memory)
    {
        var request = new GdsRequest
        {
            StructSize = (uint)sizeof(GdsRequest),
            Operation = (uint)direction,
            BufferIndex = GdsRequest.NoBuffer,
            File = file.DangerousGetHandle(),
            Memory = (nint)memory,
            Length = TrialBytes,
            Token = 1,
        };
        uint count = 0;
        if (NativeMethods.Gds.Submit(queue, &request, 1, &count) != TransferStatus.Ok) return NativeMethods.Gds.LastError();
        GdsCompletion completion;
        TransferStatus waited = NativeMethods.Gds.Wait(queue, &completion, 1, TimeoutMilliseconds, &count);
        if (waited != TransferStatus.Ok || count == 0) return $"no answer in {TimeoutMilliseconds / 1000} s ({waited})";
        if (completion.Status == TransferStatus.Ok) return null;
        return completion.SystemErrno == 0 ? completion.Status.ToString() : $"{completion.Status}, {Marshal.GetPInvokeErrorMessage(completion.SystemErrno)} (errno {completion.SystemErrno})";
    }

    private static string? MappedFile(string library)
    {
        string stem = library.Split(".so")[0];
        foreach (string line in new MachineFiles("/").Read("/proc/self/maps", 4 << 20).Lines)
        {
            int path = line.IndexOf('/', StringComparison.Ordinal);
            if (path >= 0 && Path.GetFileName(line[path..]).StartsWith(stem, StringComparison.Ordinal)) return line[path..];
        }

        return null;
    }

    private static string FirstLine(string text) => text.Split('\n')[0].Trim();
}
