"""What a visitor keeps: tags, chosen images, lines of notes and the threshold, item by item."""
