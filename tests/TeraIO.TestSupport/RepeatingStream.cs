namespace TeraIO.TestSupport;

/// <summary>A prefix and then the same piece again and again, up to a size that no disk here has.</summary>
public sealed class RepeatingStream(byte[] prefix, byte[] piece, long length) : Stream
{
    private long _position;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => length;

    /// <inheritdoc/>
    public override long Position { get => _position; set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        int done = 0;
        while (done < count && _position < length)
        {
            bool inPrefix = _position < prefix.Length;
            byte[] source = inPrefix ? prefix : piece;
            int at = inPrefix ? (int)_position : (int)((_position - prefix.Length) % piece.Length);
            int part = (int)Math.Min(Math.Min(count - done, source.Length - at), length - _position);
            source.AsSpan(at, part).CopyTo(buffer.AsSpan(offset + done));
            done += part;
            _position += part;
        }

        return done;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
