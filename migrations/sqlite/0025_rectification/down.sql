DROP TABLE rectification;
