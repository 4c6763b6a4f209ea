using Microsoft.Win32.SafeHandles;
using TeraIO.Core.Interop;

namespace TeraIO.Cli.Bench;

/// <summary>A file without a name, read and written past the page cache by plain calls. Thread-safe.</summary>
internal sealed class BenchFile : IDisposable
{
    private readonly SafeFileHandle _file;

    /// <param name="path">A file to make; it is gone from its directory when the constructor returns.</param>
    /// <exception cref="IOException">It cannot be made, or its file system has no O_DIRECT.</exception>
    public BenchFile(string path)
    {
        _file = NativeMethods.LibC.CreateDirect(path);
        File.Delete(path);
    }

    /// <summary>All of it.</summary>
    public void Read(Span<byte> to, long offset)
    {
        for (int done = 0; done < to.Length;)
        {
            int read = RandomAccess.Read(_file, to[done..], offset + done);
            if (read == 0) throw new IOException($"the file ends at {offset + done}");
            done += read;
        }
    }

    public void Write(ReadOnlySpan<byte> from, long offset) => RandomAccess.Write(_file, from, offset);

    public void Dispose() => _file.Dispose();
}
