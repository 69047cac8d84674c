"""Speech: text to audio, audio to text, and whether somebody speaks."""
