using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// Reads a checkpoint (<see cref="CheckpointFormat"/>). Call <see cref="Verify"/> before the first tensor is used, so
/// that a damaged file changes no model.
/// </summary>
internal sealed class CheckpointReader : IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;
    private readonly byte[] _metadata;
    private readonly long _firstTensor;

    /// <exception cref="ConfigurationException">There is no such file, or it is no checkpoint.</exception>
    /// <exception cref="CorruptionException">The header is damaged.</exception>
    public CheckpointReader(string path)
    {
        _path = Path.GetFullPath(path);
        try
        {
            _file = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 64 << 10);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"Cannot open the checkpoint {_path}: {e.Message}", e) { Path = _path };
        }
        try
        {
            _metadata = ReadHeader();
            _firstTensor = _file.Position;
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>The writer's metadata.</summary>
    public ReadOnlySpan<byte> Metadata => _metadata;

    /// <summary>Reads the whole file once and checks every checksum.</summary>
    /// <exception cref="CorruptionException">A tensor is damaged or the file ends early; the message says where.</exception>
    public void Verify()
    {
        var piece = new byte[CheckpointFormat.PieceBytes];
        ReadTensors((name, bytes, hash) =>
        {
            for (var left = bytes; left > 0;)
            {
                var part = piece.AsSpan(0, (int)Math.Min(left, piece.Length));
                Fill(part, $"tensor {name}");
                hash.Append(part);
                left -= part.Length;
            }
        });
    }

    /// <summary>Hands every tensor to <paramref name="destination"/>, which returns where its bytes go.</summary>
    /// <param name="destination">From name and size to the memory to fill; <paramref name="done"/> follows.</param>
    /// <param name="done">Called when the bytes are complete and their checksum is right.</param>
    /// <exception cref="CorruptionException">A tensor is damaged or the file ends early.</exception>
    public void ReadAll(TensorDestination destination, Action<string> done) => ReadTensors(
        (name, bytes, hash) =>
        {
            var memory = destination(name, bytes);
            Fill(memory, $"tensor {name}");
            hash.Append(memory);
        },
        done);

    public void Dispose() => _file.Dispose();

    /// <summary>Where the bytes of a tensor go; exactly <paramref name="bytes"/> long.</summary>
    internal delegate Span<byte> TensorDestination(string name, long bytes);

    private void ReadTensors(Action<string, long, XxHash3> readBytes, Action<string>? done = null)
    {
        _file.Position = _firstTensor;
        long tensors = 0;
        for (uint length; (length = ReadUInt32("a tensor's name")) != CheckpointFormat.End; tensors++)
        {
            var nameBytes = ReadText(length, "a tensor's name");
            var name = Encoding.UTF8.GetString(nameBytes);
            var bytes = (long)ReadUInt64($"the size of tensor {name}");
            if (bytes < 0 || bytes > _file.Length - _file.Position)
                throw Damaged($"tensor {name} claims {bytes} bytes, but the file has {_file.Length - _file.Position} left");
            var hash = new XxHash3();
            hash.Append(nameBytes);
            readBytes(name, bytes, hash);
            if (ReadUInt64($"the checksum of tensor {name}") != hash.GetCurrentHashAsUInt64())
                throw Damaged($"the checksum of tensor {name} is wrong");
            done?.Invoke(name);
        }
        var count = (long)ReadUInt64("the number of tensors");
        if (ReadUInt64("the last checksum") != CheckpointFormat.HashOf(count) || count != tensors)
            throw Damaged($"it ends with a count of {count} tensors, but {tensors} were found");
        if (_file.Position != _file.Length)
            throw Damaged($"{_file.Length - _file.Position} bytes follow its end");
    }

    private byte[] ReadHeader()
    {
        var magic = new byte[CheckpointFormat.Magic.Length];
        if (_file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) < magic.Length || !magic.AsSpan().SequenceEqual(CheckpointFormat.Magic))
        {
            throw new ConfigurationException(
                $"{_path} is no checkpoint of this version (it does not start with {Encoding.ASCII.GetString(CheckpointFormat.Magic)}).")
            {
                Path = _path,
            };
        }
        var length = ReadUInt32("the header");
        var metadata = ReadText(length, "the header");
        var lengthBytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(lengthBytes, length);
        var hash = new XxHash3();
        hash.Append(magic);
        hash.Append(lengthBytes);
        hash.Append(metadata);
        return ReadUInt64("the header's checksum") == hash.GetCurrentHashAsUInt64() ? metadata : throw Damaged("the header's checksum is wrong");
    }

    private byte[] ReadText(uint length, string what)
    {
        if (length > CheckpointFormat.LongestText || length > _file.Length - _file.Position)
            throw Damaged($"{what} claims {length} bytes");
        var bytes = new byte[length];
        Fill(bytes, what);
        return bytes;
    }

    private uint ReadUInt32(string what)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        Fill(bytes, what);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    private ulong ReadUInt64(string what)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Fill(bytes, what);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private void Fill(Span<byte> bytes, string what)
    {
        if (_file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw Damaged($"it ends inside {what}");
    }

    private CorruptionException Damaged(string how) => new(
        $"The checkpoint {_path} is damaged near byte {_file.Position}: {how}. Resume from another checkpoint; nothing was loaded.")
    {
        Path = _path,
        Offset = _file.Position,
    };
}
