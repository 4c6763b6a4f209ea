using System.Text;
using CommunityToolkit.HighPerformance.Buffers;
using Microsoft.Win32.SafeHandles;
using TeraIO.Core.Interop;

namespace TeraIO.Cli.Doctor;

/// <summary>
/// The machine's files under a root: the real ones under "/", recorded ones elsewhere. Reading is bounded and never blocks or throws,
/// whatever a file holds or is: endless, binary, a pipe, a directory, unreadable.
/// </summary>
internal sealed class MachineFiles(string root)
{
    private const int MostBytes = 64 << 10;
    private const int MostNames = 4096;
    private const int MostLinks = 40;

    private readonly string _root = root.TrimEnd('/');

    /// <summary>Whether these are the files of the machine that this runs on.</summary>
    public bool IsLive => _root.Length == 0;

    public bool Exists(string path) => Path.Exists(Real(path));

    /// <summary>The beginning of a file as text.</summary>
    public FileText Read(string path, int mostBytes = MostBytes)
    {
        try
        {
            byte[]? bytes = Bytes(path, mostBytes);
            return bytes is null ? new FileText(null, "there is no such file", IsMissing: true) : new FileText(Plain(Encoding.UTF8.GetString(bytes)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return new FileText(null, Reason(e));
        }
    }

    /// <summary>The beginning of a file; empty when it cannot be read.</summary>
    public byte[] ReadBytes(string path, int mostBytes)
    {
        try
        {
            return Bytes(path, mostBytes) ?? [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return [];
        }
    }

    /// <summary>Hands a file to <paramref name="see"/> piece by piece, each overlapping the one before by <paramref name="overlap"/> bytes, until it has seen enough (false).</summary>
    /// <returns>Whether the file could be read.</returns>
    public bool Scan(string path, int overlap, long mostBytes, Func<ReadOnlyMemory<byte>, bool> see)
    {
        try
        {
            using SafeFileHandle? file = NativeMethods.LibC.OpenForReading(Real(path));
            if (file is null) return false;
            using MemoryOwner<byte> owner = MemoryOwner<byte>.Allocate((1 << 18) + overlap);
            Span<byte> buffer = owner.Span;
            int kept = 0;
            for (long at = 0; at < mostBytes;)
            {
                int read = RandomAccess.Read(file, buffer[kept..], at);
                if (read == 0 || !see(owner.Memory[..(kept + read)])) return true;
                at += read;
                int valid = kept + read;
                kept = Math.Min(overlap, valid);
                buffer.Slice(valid - kept, kept).CopyTo(buffer);
            }

            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }

    /// <summary>Names in a directory, sorted; none when it is missing or unreadable.</summary>
    public IReadOnlyList<string> Names(string directory)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(Real(directory)).Take(MostNames).Select(static p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return [];
        }
    }

    /// <summary>The path without links, as seen from the root; links never lead out of it. Components that do not exist stay as they are.</summary>
    public string Canonical(string path)
    {
        var pending = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var done = new List<string>();
        int links = 0;
        while (pending.TryPop(out string? part))
        {
            if (part == ".") continue;
            if (part == "..")
            {
                if (done.Count > 0) done.RemoveAt(done.Count - 1);
                continue;
            }

            done.Add(part);
            if (links == MostLinks || LinkTarget("/" + string.Join('/', done)) is not { } target) continue;
            links++;
            if (target.StartsWith('/')) done.Clear();
            else done.RemoveAt(done.Count - 1);
            foreach (string step in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse()) pending.Push(step);
        }

        return "/" + string.Join('/', done);
    }

    private string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(Real(path)).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return null;
        }
    }

    private string Real(string path) => path.StartsWith('/') ? _root + path : $"{_root}/{path}";

    private byte[]? Bytes(string path, int mostBytes)
    {
        using SafeFileHandle? file = NativeMethods.LibC.OpenForReading(Real(path));
        if (file is null) return null;
        using var read = new ArrayPoolBufferWriter<byte>(8 << 10);
        while (read.WrittenCount < mostBytes)
        {
            Span<byte> room = read.GetSpan();
            int count = RandomAccess.Read(file, room[..Math.Min(room.Length, mostBytes - read.WrittenCount)], read.WrittenCount);
            if (count == 0) break;
            read.Advance(count);
        }

        return read.WrittenSpan.ToArray();
    }

    private static string Plain(string text) => string.Create(text.Length, text, static (output, input) =>
    {
        for (int i = 0; i < output.Length; i++) output[i] = char.IsControl(input[i]) && input[i] is not ('\n' or '\t') ? '?' : input[i];
    });

    private static string Reason(Exception e) => e.Message.ReplaceLineEndings(" ");
}
