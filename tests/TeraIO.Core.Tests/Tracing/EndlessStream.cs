namespace TeraIO.Core.Tests.Tracing;

/// <summary>A prefix and then the same piece again and again, up to a size that no disk here has.</summary>
internal sealed class EndlessStream(byte[] prefix, byte[] piece, long length) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position { get => _position; set => throw new NotSupportedException(); }

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

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
