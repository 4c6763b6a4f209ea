using System.IO.Compression;

namespace TeraIO.Core.Formats;

/// <summary>Opens and replaces the files of traces and plans; those whose name ends in <c>.gz</c> are compressed.</summary>
internal static class FormatFile
{
    private const int BufferBytes = 1 << 16;

    /// <summary>Reads a file with <paramref name="read"/>.</summary>
    /// <exception cref="ConfigurationException">It cannot be opened or read.</exception>
    /// <exception cref="Tracing.TraceFormatException">It is larger than the limits allow, or what <paramref name="read"/> says.</exception>
    public static T Read<T>(string path, FormatLimits limits, Func<Stream, T> read)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1, FileOptions.SequentialScan);
            if (file.CanSeek && file.Length > limits.Bytes)
                throw new Tracing.TraceFormatException($"{path}: the file has {new ByteSize(file.Length)}; at most {new ByteSize(limits.Bytes)} are read. Is it another kind of file?") { Path = path };
            if (!IsCompressed(path, file)) return read(file);
            using var unpacked = new GZipStream(file, CompressionMode.Decompress);
            return read(unpacked);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ConfigurationException($"Cannot read {path}: {e.Message}", e) { Path = path };
        }
    }

    /// <summary>
    /// Writes a file with <paramref name="write"/>: first beside it, then in its place, so that nobody ever sees half of it and a failure leaves
    /// the old one.
    /// </summary>
    /// <exception cref="ConfigurationException">It cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            try
            {
                using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes))
                {
                    if (path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
                    {
                        using var packed = new GZipStream(file, CompressionLevel.Optimal, leaveOpen: true);
                        write(packed);
                    }
                    else
                    {
                        write(file);
                    }

                    // Before the rename: after a crash the name must not point at bytes that never reached the disk.
                    file.Flush(flushToDisk: true);
                }

                File.Move(temporary, path, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ConfigurationException($"Cannot write {path}: {e.Message}", e) { Path = path };
        }
    }

    private static bool IsCompressed(string path, FileStream file)
    {
        if (!file.CanSeek) return path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);
        Span<byte> magic = stackalloc byte[2];
        int read = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false);
        file.Position = 0;
        return read == 2 && magic is [0x1F, 0x8B];
    }
}
