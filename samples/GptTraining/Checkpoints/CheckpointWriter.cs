using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// Writes a checkpoint (<see cref="CheckpointFormat"/>) beside its place and moves it there when it is complete and on
/// the disk; until then an older checkpoint of the same name stays whole. Dispose without <see cref="Complete"/> leaves nothing.
/// </summary>
internal sealed class CheckpointWriter : IDisposable
{
    private readonly string _path;
    private readonly string _temporaryPath;
    private readonly FileStream _file;
    private long _tensors;
    private bool _completed;

    /// <exception cref="StorageException">The file cannot be created.</exception>
    public CheckpointWriter(string path, ReadOnlySpan<byte> metadata)
    {
        _path = Path.GetFullPath(path);
        _temporaryPath = $"{_path}.{Environment.ProcessId}.tmp";
        try
        {
            _file = new FileStream(_temporaryPath, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 64 << 10);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(e);
        }
        try
        {
            WriteHeader(metadata);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Appends a tensor's bytes.</summary>
    /// <exception cref="StorageException">The disk refuses.</exception>
    public void Add(string name, ReadOnlySpan<byte> bytes)
    {
        try
        {
            var hash = new XxHash3();
            var nameBytes = Encoding.UTF8.GetBytes(name);
            WriteUInt32((uint)nameBytes.Length);
            _file.Write(nameBytes);
            hash.Append(nameBytes);
            WriteInt64(bytes.Length);
            for (var left = bytes; left.Length > 0; left = left[Math.Min(left.Length, CheckpointFormat.PieceBytes)..])
            {
                var piece = left[..Math.Min(left.Length, CheckpointFormat.PieceBytes)];
                hash.Append(piece);
                _file.Write(piece);
            }
            WriteUInt64(hash.GetCurrentHashAsUInt64());
            _tensors++;
        }
        catch (IOException e)
        {
            throw CannotWrite(e);
        }
    }

    /// <summary>Makes the checkpoint durable and puts it in its place.</summary>
    /// <exception cref="StorageException">The disk refuses; an older checkpoint is still there.</exception>
    public void Complete()
    {
        try
        {
            WriteUInt32(CheckpointFormat.End);
            WriteInt64(_tensors);
            WriteUInt64(CheckpointFormat.HashOf(_tensors));
            _file.Flush(flushToDisk: true);
            _file.Dispose();
            File.Move(_temporaryPath, _path, overwrite: true);
            _completed = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(e);
        }
    }

    public void Dispose()
    {
        try
        {
            _file.Dispose();
        }
        catch (IOException) when (!_completed)
        {
            // Buffered bytes of a file that is deleted in the next line.
        }
        if (!_completed)
            File.Delete(_temporaryPath);
    }

    private void WriteHeader(ReadOnlySpan<byte> metadata)
    {
        try
        {
            var hash = new XxHash3();
            Span<byte> length = stackalloc byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)metadata.Length);
            hash.Append(CheckpointFormat.Magic);
            hash.Append(length);
            hash.Append(metadata);
            _file.Write(CheckpointFormat.Magic);
            _file.Write(length);
            _file.Write(metadata);
            WriteUInt64(hash.GetCurrentHashAsUInt64());
        }
        catch (IOException e)
        {
            throw CannotWrite(e);
        }
    }

    private void WriteUInt32(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        _file.Write(bytes);
    }

    private void WriteInt64(long value) => WriteUInt64((ulong)value);

    private void WriteUInt64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        _file.Write(bytes);
    }

    private StorageException CannotWrite(Exception e) => new(
        $"Cannot write the checkpoint {_path}: {e.Message} Free space or name another place with --checkpoint.", e)
    {
        Path = _path,
    };
}
